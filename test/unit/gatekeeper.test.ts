import { SocketAddress } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { networkOf } from '../../server/edge/client-network.js';
import { createGatekeeper } from '../../server/edge/gatekeeper.js';

const ONE = { connections: 0, connectionsPerAddress: 1, acceptPerSecond: 0 };
const LIMIT = expect.objectContaining({ code: 'limit', limit: 'connectionsPerAddress' });

it.each([
  ['an IPv4 address', '192.0.2.7', '192.0.2.7', '192.0.2.8'],
  ['an IPv4 address mapped into IPv6', '192.0.2.7', '::ffff:192.0.2.7', '::ffff:192.0.2.8'],
  ['the same in hexadecimal', '::ffff:c000:207', '192.0.2.7', '::ffff:c000:208'],
  ['a /64 of IPv6', '2001:db8:0:1::1', '2001:db8:0:1:ffff:2:3:4', '2001:db8:0:2::1'],
  ['a /64 with zeros in it', '2001:db8::1', '2001:db8:0:0:1::', '2001:db8:1::1'],
  ['a link, whatever its zone is called', 'fe80::1%eth0', 'fe80::2%1', 'fe81::1'],
  ['this machine', '::1', '::1', '127.0.0.1'],
])('%s counts as one address, and the next as another', (_, address, same, other) => {
  const gatekeeper = createGatekeeper(ONE, manualClock());
  const guest = gatekeeper.admit(address, 'sse');
  expect(() => gatekeeper.admit(same, 'websocket')).toThrow(LIMIT);
  gatekeeper.admit(other, 'sse');
  guest.leave();
  gatekeeper.admit(same, 'sse');
});

it('addresses of IPv6 are one where their first 64 bits are, however they are written', () => {
  const half = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 4, maxLength: 4 });
  const long = (groups: number[]) => groups.map((group) => group.toString(16).padStart(4, '0')).join(':');
  const short = (text: string) => new SocketAddress({ address: text, family: 'ipv6' }).address;
  fc.assert(
    fc.property(half, half, half, (network, one, two) => {
      // ::ffff:0:0/96 is IPv4.
      fc.pre(network.some((group) => group !== 0));
      const addresses = [one, two].map((host) => long([...network, ...host]));
      const networks = new Set([...addresses, ...addresses.map(short)].map(networkOf));
      expect([...networks]).toEqual([`${network.map((group) => group.toString(16)).join(':')}::/64`]);
    }),
  );
});
