import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { clientOf } from './client.js';

const clientAt = (ip: string) => clientOf({ ip, headers: {}, id: 'request-1' } as FastifyRequest);

describe('clientOf', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0001::1', '2001:DB8:0001::1', '2001:db8:1:0::/64'],
    ['::1', '::1', '0:0:0:0::/64'],
  ])('counts %s by its network', (given, ip, network) => {
    expect(clientAt(given)).toMatchObject({ ip, network });
  });

  it('gives one customer of IPv6 one count, however many addresses they take', () => {
    const networks = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:db8:1:2:a:b:c:d'].map(
      (ip) => clientAt(ip).network,
    );

    expect(new Set(networks).size).toBe(1);
  });
});
