import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import { freshDatabase, freshRedis } from './backends.js';
import { countSql, redisDuring } from './counting.js';
import { SwitchableProxy } from './switchable-proxy.js';

describe('counting', () => {
  it('sqlDuring sees the statements to one database, of old and new connections, and no others', async () => {
    const [ours, theirs] = await Promise.all([
      freshDatabase({ migrated: false }),
      freshDatabase({ migrated: false }),
    ]);
    const [old, other] = await Promise.all([
      mysql.createConnection(ours.url),
      mysql.createConnection(theirs.url),
    ]);

    const counted = await countSql(ours.url, async () => {
      await old.query('BEGIN');
      await old.execute('SELECT ? AS n', [1]);
      await old.query('COMMIT');
      await other.query('SELECT 2');
      const late = await mysql.createConnection(ours.url);
      await late.query('SELECT 3');
      await late.end();
    });

    expect(counted).toBe(4);
    await Promise.all([old.end(), other.end()]);
  });

  it('redisDuring sees the commands to one Redis, but not those inside a script', async () => {
    const [ours, theirs] = await Promise.all([freshRedis(), freshRedis()]);
    const [redis, other] = [new Redis(ours.url), new Redis(theirs.url)];
    await Promise.all([redis.ping(), other.ping()]);

    const seen = await redisDuring(ours.url, async () => {
      await redis.set('a', '1');
      await other.set('b', '2');
      await redis.eval("redis.call('GET', KEYS[1]) return redis.call('DEL', KEYS[1])", 1, 'a');
    });

    expect(seen.map(([name]) => name?.toLowerCase())).toEqual(['set', 'eval']);
    expect(await redis.get('b')).toBeNull();
    redis.disconnect();
    other.disconnect();
  });
});

describe('the line', () => {
  it('SwitchableProxy passes, stalls, refuses, resets and cuts at a chosen text, before or after the answer', async () => {
    const { url } = await freshRedis();
    await using line = await SwitchableProxy.to(url);
    const open = () => {
      const redis = new Redis(line.url, { retryStrategy: null, maxRetriesPerRequest: 0, lazyConnect: true });
      redis.on('error', () => undefined); // each command rejects as well
      return redis;
    };
    const direct = new Redis(url);
    let redis = open();
    await redis.set('n', '1');

    line.stall();
    const held = redis.incr('n');
    expect(await Promise.race([held, direct.get('n')])).toBe('1');
    await line.pass();
    expect(await held).toBe(2);

    const before = line.cutBefore('incr');
    await expect(redis.incr('n')).rejects.toThrow();
    await before;
    expect(await direct.get('n')).toBe('2');

    redis = open();
    const after = line.cutAfter('incr');
    await expect(redis.incr('n')).rejects.toThrow();
    await after;
    expect(await direct.get('n')).toBe('3');

    redis = open();
    expect(await redis.ping()).toBe('PONG');
    line.refuse();
    line.reset();
    await expect(open().ping()).rejects.toThrow();
    await line.pass();
    expect(await open().ping()).toBe('PONG');
    expect(line.connections).toBe(4);
    direct.disconnect();
  });
});
