import { getMetadataStorage } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { AppModule } from '../../src/app.module.js';
import { Config } from '../../src/config/config.js';
import { isSentence } from '../../src/common/sentences.js';

interface Rule {
  readonly target: unknown;
  readonly propertyName: string;
  readonly message?: unknown;
}

describe('the catalogue of sentences', () => {
  it('the catalogue has every sentence of every DTO, so that each has an English translation', () => {
    // Importing the application has registered the rules of all its DTOs.
    expect(AppModule).toBeDefined();
    const { validationMetadatas } = getMetadataStorage() as unknown as {
      validationMetadatas: Map<unknown, Rule[]>;
    };
    const rules = [...validationMetadatas.values()].flat().filter(({ target }) => target !== Config);
    const messages = rules.flatMap(({ message }) => (typeof message === 'string' ? [message] : []));

    expect(messages.length).toBeGreaterThan(30);
    expect(messages.filter((message) => !isSentence(message))).toEqual([]);
  });

  it("every rule of a DTO has a sentence of the catalogue, and none has the library's", () => {
    const { validationMetadatas } = getMetadataStorage() as unknown as {
      validationMetadatas: Map<unknown, (Rule & { type: string })[]>;
    };
    const silent = [...validationMetadatas.values()]
      .flat()
      .filter(({ target, message, type }) => target !== Config && type === 'customValidation' && !message)
      .map(({ target, propertyName }) => `${(target as { name: string }).name}.${propertyName}`);

    expect(silent).toEqual([]);
  });
});
