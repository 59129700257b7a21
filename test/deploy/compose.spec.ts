import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Service {
  readonly profiles: string[];
  readonly image: string;
  readonly build?: { target?: string };
  readonly ports?: string[];
  readonly command?: string[];
  readonly entrypoint?: string[];
  readonly environment?: Record<string, string | number>;
  readonly read_only?: boolean;
  readonly cap_drop?: string[];
  readonly networks?: string[];
  readonly stop_grace_period?: string;
}

let text: string;
let services: Record<string, Service>;

beforeAll(() => {
  text = readFileSync('docker-compose.yml', 'utf8');
  ({ services } = parse(text, { merge: true }) as { services: Record<string, Service> });
});

/** The names of the services of a profile. */
function inProfile(profile: string): string[] {
  return Object.keys(services).filter((name) => services[name]!.profiles.includes(profile));
}

describe('the demonstration', () => {
  it('the demonstration is one service of its own profile, built from its own stage', () => {
    expect(inProfile('demo')).toEqual(['demo']);
    expect(services.demo!.build?.target).toBe('demo');
    expect(readFileSync('Dockerfile', 'utf8')).toContain(' AS demo\n');
  });

  it('the demonstration publishes the service and the sandbox on 127.0.0.1 only, at the ports they have inside', () => {
    expect(services.demo!.ports).toEqual([
      '127.0.0.1:${PORT:-3000}:${PORT:-3000}',
      '127.0.0.1:${SANDBOX_PORT:-3001}:${SANDBOX_PORT:-3001}',
    ]);
  });
});

describe('production', () => {
  it('the production profile has no default for any secret: every password comes from the environment or is empty', () => {
    const secrets = [...text.matchAll(/(?<!\$)\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)([^}]*)\}/g)];

    expect(secrets.map(([, name]) => name)).toContain('MYSQL_PASSWORD');
    expect(secrets.filter(([, , rest]) => rest !== '-').map(([all]) => all)).toEqual([]);
  });

  it.each(['MYSQL_PASSWORD', 'MYSQL_ROOT_PASSWORD', 'REDIS_PASSWORD'])(
    'the production profile does not start a store without %s',
    (name) => {
      const commands = Object.values(services).flatMap(({ command = [], entrypoint = [] }) => [
        ...command,
        ...entrypoint,
      ]);

      expect(commands.join('\n')).toContain(`$\${${name}:?`);
    },
  );

  it('the production profile publishes the service and nothing else', () => {
    const published = inProfile('production').filter((name) => services[name]!.ports);

    expect(published).toEqual(['service']);
  });

  it('the production profile runs as production, whatever the environment says', () => {
    expect(services.service!.environment).toMatchObject({ NODE_ENV: 'production' });
  });

  it('the production profile gives the containers that are built here a read-only file system and no capability', () => {
    const built = ['demo', 'migrate', 'service'].map((name) => services[name]!);

    for (const { read_only, cap_drop } of built) {
      expect(read_only).toBe(true);
      expect(cap_drop).toEqual(['ALL']);
    }
  });

  it('the production profile keeps MySQL and Redis on a network without internet access', () => {
    const { networks } = parse(text) as { networks: Record<string, { internal?: boolean }> };

    expect(networks.stores).toEqual({ internal: true });
    for (const name of ['mysql', 'redis', 'migrate']) expect(services[name]!.networks).toEqual(['stores']);
  });

  it('the production profile names the exact version of every image that it does not build', () => {
    const { mysql, redis } = services;

    for (const { image } of [mysql!, redis!]) expect(image).toMatch(/:\d+\.\d+\.\d+(-alpine)?\}$/);
  });

  it('the production profile waits longer than the service takes to drain and stop', () => {
    expect(parseInt(services.service!.stop_grace_period!, 10)).toBeGreaterThan(5 + 8);
  });
});
