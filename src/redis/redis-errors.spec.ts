import { describe, expect, it } from 'vitest';
import { endsConnection, isRedisAway, mayHaveRun, refusalOf } from './redis-errors.js';

/** An error that Redis answered, as ioredis makes it. */
const answered = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

describe('refusalOf', () => {
  it.each([
    ["READONLY You can't write against a read only replica.", 'READONLY'],
    [
      "ERR Error running script (call to f_0123): @user_script:2: @user_script: 2: -READONLY You can't write.",
      'READONLY',
    ],
    ["OOM command not allowed when used memory > 'maxmemory'. script: f_0123, on @user_script:2.", 'OOM'],
    ['ERR max number of clients reached', 'max number of clients'],
    ['ERR max number of clients + cluster connections reached', 'max number of clients'],
    ['LOADING Redis is loading the dataset in memory', 'LOADING'],
  ])('a refusal of Redis is recognized by its word: %s', (message, word) => {
    expect(refusalOf(answered(message))).toBe(word);
    expect(isRedisAway(answered(message))).toBe(true);
    expect(endsConnection(answered(message))).toBe(true);
  });

  it.each([
    'BUSY Redis is busy running a script.',
    'TRYAGAIN Multiple keys request during rehashing of slot',
  ])('a refusal for which another connection does not help keeps the connection: %s', (message) => {
    expect(isRedisAway(answered(message))).toBe(true);
    expect(endsConnection(answered(message))).toBe(false);
  });

  it.each([
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    "ERR unknown command 'READONLY', with args beginning with: 'OOM'",
    'ERR Error compiling script (new function): user_script:1: READONLY',
    'NOSCRIPT No matching script. Please use EVAL.',
  ])('no refusal is read into another error: %s', (message) => {
    expect(isRedisAway(answered(message))).toBe(false);
  });
});

describe('mayHaveRun', () => {
  it('mayHaveRun is true only for a command that was sent and not answered', () => {
    expect(mayHaveRun(new Error('Command timed out'))).toBe(true);
    expect(mayHaveRun(new Error('Connection is closed.'))).toBe(true);
    expect(mayHaveRun(answered('OOM command not allowed'))).toBe(false);
    expect(mayHaveRun(new Error("Stream isn't writeable and enableOfflineQueue options is false"))).toBe(
      false,
    );
  });
});
