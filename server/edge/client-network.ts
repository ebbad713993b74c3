/** Of the eight groups of an IPv6 address those that name a network. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;
const MAPPED = 0xffff;

/**
 * Whom a remote address stands for where clients are counted. An IPv4 address stands for itself, also when it is mapped
 * into IPv6 (RFC 4291, 2.5.5.2): `192.0.2.7`. An IPv6 address stands for its /64, `2001:db8:0:1::/64`: a host chooses
 * the other 64 bits as it likes (RFC 4291, 2.5.1), and no site is given less (RFC 6177). What is no address stands for
 * itself.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const groups = groupsOf(address);
  const [high = 0, low = 0] = groups.slice(-2);
  if (groups.indexOf(MAPPED) === 5 && groups.slice(0, 5).every((group) => group === 0)) {
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  }
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

/** All groups as numbers, of any of the spellings of RFC 4291, 2.2; without a zone (`%eth0`). */
function groupsOf(address: string): number[] {
  const [text = ''] = address.split('%');
  const [before = [], after = []] = text.split('::').map(numbersOf);
  const left = Math.max(0, GROUPS - before.length - after.length);
  return [...before, ...Array<number>(left).fill(0), ...after];
}

function numbersOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
