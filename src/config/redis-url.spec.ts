import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from './redis-url.js';

describe('parseRedisUrl', () => {
  it('parseRedisUrl reads one server', () => {
    expect(parseRedisUrl('redis://user:p%40ss@a.example:6380/2')).toEqual({
      kind: 'server',
      url: 'redis://user:p%40ss@a.example:6380/2',
    });
  });

  it('parseRedisUrl reads the nodes of a cluster', () => {
    expect(parseRedisUrl('redis://a:1, redis://b:2,')).toEqual({
      kind: 'cluster',
      nodes: ['redis://a:1', 'redis://b:2'],
    });
  });

  it('parseRedisUrl reads Sentinels, their group and its database', () => {
    expect(parseRedisUrl('redis+sentinel://a.example:26380,b.example,[::1]:26381/mymaster/2')).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 'a.example', port: 26_380 },
        { host: 'b.example', port: 26_379 },
        { host: '::1', port: 26_381 },
      ],
      name: 'mymaster',
      db: 2,
      tls: false,
    });
  });

  it('parseRedisUrl reads credentials and TLS of Sentinels', () => {
    expect(
      parseRedisUrl('rediss+sentinel://user:p%40ss@a.example/my%20group?sentinel_password=s%26t'),
    ).toMatchObject({
      name: 'my group',
      db: 0,
      tls: true,
      username: 'user',
      password: 'p@ss',
      sentinelPassword: 's&t',
    });
  });

  it.each([
    '',
    'redis+sentinel://a.example',
    'redis+sentinel://a.example/',
    'redis+sentinel://a.example/group/two',
    'redis+sentinel://a.example/group/2/3',
    'redis+sentinel://a.example:99999/group',
    'redis+sentinel:///group',
    'redis+sentinel://a.example,/group',
    'redis+sentinel://user:p%zz@a.example/group',
    'redis://a/2,redis://b/2',
    'redis://a,redis+sentinel://b/group',
  ])('parseRedisUrl refuses %j', (text) => {
    expect(parseRedisUrl(text)).toBeUndefined();
  });
});
