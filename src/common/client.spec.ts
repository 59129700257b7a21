import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { addressIn, belongsTo } from './address.js';
import { clientOf } from './client.js';

const clientAt = (...ips: string[]) =>
  clientOf({ ip: ips.at(-1), ips, headers: {}, id: 'request-1' } as unknown as FastifyRequest);

describe('clientOf', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7', '203.0.113.7', '203.0.113.0/24'],
    ['::ffff:203.0.113.7', '203.0.113.7', '203.0.113.7', '203.0.113.0/24'],
    ['::ffff:cb00:7107', '203.0.113.7', '203.0.113.7', '203.0.113.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['2001:db8:1:2::9', '2001:db8:1:2::9', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8::1', '2001:db8::/64', '2001:db8::/48'],
    ['2001:DB8:0001::1', '2001:db8:1::1', '2001:db8:1::/64', '2001:db8:1::/48'],
    ['::1', '::1', '::/64', '::/48'],
  ])('clientOf counts %s by its network', (given, ip, network, subnet) => {
    expect(clientAt(given)).toMatchObject({ ip, network, subnet });
  });

  it('clientOf gives no client a getter of its own, which V8 would free only in a full garbage collection', () => {
    const own = Object.values(Object.getOwnPropertyDescriptors(clientAt('203.0.113.7')));

    expect(own.filter((property) => 'get' in property)).toEqual([]);
  });

  it('clientOf counts one IPv6 customer once, however many addresses they use', () => {
    const networks = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:db8:1:2:a:b:c:d'].map(
      (ip) => clientAt(ip).network,
    );

    expect(new Set(networks).size).toBe(1);
  });

  it("clientOf takes the proxy for the client when the proxy's entry names no address", () => {
    expect(clientAt('10.0.0.1', '10.0.0.2', 'unknown').ip).toBe('10.0.0.2');
  });

  it('clientOf still finds a network when the connection has already closed', () => {
    const gone = { ips: [undefined], headers: {}, id: 'request-1' } as unknown as FastifyRequest;

    expect(clientOf(gone)).toMatchObject({ ip: '0.0.0.0', network: '0.0.0.0' });
  });
});

describe('addressIn', () => {
  it.each([
    ['203.0.113.8:51234', '203.0.113.8'],
    ['203.0.113.8:_obfuscated', '203.0.113.8'],
    ['"203.0.113.8:51234"', '203.0.113.8'],
    ['[2001:db8::5]:443', '2001:db8::5'],
    ['"[2001:db8::5]:443"', '2001:db8::5'],
    ['[2001:db8::5]', '2001:db8::5'],
    ['[::ffff:203.0.113.8]:443', '203.0.113.8'],
    ['::ffff:203.0.113.8:443', '203.0.113.8'],
    ['0:0:0:0:0:FFFF:203.0.113.8', '203.0.113.8'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:80', 'fe80::1'],
    [' 203.0.113.8 ', '203.0.113.8'],
    ['2001:db8:0:0:0:0:0:5', '2001:db8::5'],
  ])('addressIn reads %s as its address', (entry, address) => {
    expect(addressIn(entry)).toBe(address);
  });

  it.each([
    'unknown',
    '_hidden',
    '_SEVKISEK',
    '',
    '-',
    'localhost',
    '203.0.113',
    '203.0.113.256',
    '010.0.0.1',
  ])('addressIn finds no address in %j', (entry) => {
    expect(addressIn(entry)).toBeUndefined();
  });

  it.each([
    '1',
    '0x7f000001',
    '127.1',
    '203.0.113.8:99999999',
    '203.0.113.8 203.0.113.9',
    '[203.0.113.8',
    ':80',
  ])('addressIn finds no address in %j', (entry) => {
    expect(addressIn(entry)).toBeUndefined();
  });
});

describe('belongsTo', () => {
  it.each([
    ['10.0.0.0/8', '10.1.2.3', '10.1.2.3:80', '::ffff:10.1.2.3', '[::ffff:10.1.2.3]:443'],
    ['::ffff:10.0.0.0/104', '10.1.2.3', '::ffff:10.1.2.3'],
    ['10.0.0.1', '10.0.0.1', '"10.0.0.1:8080"'],
    ['fd00::/8', 'fd12::1', '[fd12::1]:443', 'fd12::1%eth0'],
  ])('belongsTo: %s covers its addresses in every spelling', (network, ...entries) => {
    for (const entry of entries) expect(belongsTo([network])(entry), entry).toBe(true);
  });

  it.each([
    ['10.0.0.0/8', '11.0.0.1', '2001:db8::10', 'unknown', undefined],
    ['::/96', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.2'],
  ])('belongsTo: %s covers no other address', (network, ...entries) => {
    for (const entry of entries) expect(belongsTo([network])(entry), entry).toBe(false);
  });
});
