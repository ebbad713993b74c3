import { SocketAddress } from 'node:net';

const MAPPED_V4 = '::ffff:';

/** An address as both policies write it: IPv4 dotted (also when mapped into IPv6), IPv6 as RFC 5952 says. */
export function remoteAddressText(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith(MAPPED_V4) && address.includes('.') ? address.slice(MAPPED_V4.length) : address;
}

/** The same from the 4 or 16 bytes of the address; empty for no bytes (the connection is gone). */
export function remoteAddressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  return remoteAddressText(new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address);
}
