import { createReadStream } from 'node:fs';
import { remoteAddressOf } from './remote-address.js';

const ESTABLISHED = '01';
/** The timer that runs while something sent was not acknowledged. A peer whose window is closed has another one: it is there. */
const RETRANSMIT = '01';

/** Peers of one port to whom the kernel sends the same bytes again and again. */
export interface SilentPeers {
  /** `address:port` of each. */
  readonly connections: ReadonlySet<string>;
  /** Addresses from which no connection to the port acknowledges anything. */
  readonly addresses: ReadonlySet<string>;
}

/**
 * Reads the kernel's table of TCP connections (Linux, proc(5)), a page at a time, for peers of a listener that left
 * `retransmissions` of the same bytes without an answer.
 * @throws {Error} `ENOENT`, `EACCES` where there is no such table
 */
export async function findSilentPeers(
  { host, port }: { readonly host: string; readonly port: number },
  retransmissions: number,
  signal: AbortSignal,
): Promise<SilentPeers> {
  const finding = silentPeers(port, retransmissions);
  const table = host.includes(':') ? '/proc/net/tcp6' : '/proc/net/tcp';
  let rest = '';
  for await (const text of createReadStream(table, { encoding: 'latin1', signal })) {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) finding.see(line);
  }
  return finding.found();
}

/** Finds the same in the lines of a table. */
export function silentPeers(
  port: number,
  retransmissions: number,
): { see(line: string): void; found(): SilentPeers } {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const silent: { address: string; port: number }[] = [];
  const answering = new Set<string>();

  return {
    see(line) {
      const [, ours, theirs, state, , timer, retransmitted] = line.trim().split(/\s+/);
      if (state !== ESTABLISHED || !ours?.endsWith(local) || !theirs || !timer || !retransmitted) return;
      const [address = '', port = ''] = theirs.split(':');
      const isSilent =
        timer.startsWith(`${RETRANSMIT}:`) && Number.parseInt(retransmitted, 16) >= retransmissions;
      if (isSilent) silent.push({ address, port: Number.parseInt(port, 16) });
      else answering.add(address);
    },
    found() {
      const texts = new Map(silent.map(({ address }) => [address, addressText(address)]));
      return {
        connections: new Set(silent.map(({ address, port }) => `${texts.get(address)}:${port}`)),
        addresses: new Set([...texts].filter(([hex]) => !answering.has(hex)).map(([, text]) => text)),
      };
    },
  };
}

/** An address as the table has it: words of four bytes, each in the order of the machine, which is taken to be little-endian. */
function addressText(hex: string): string {
  return remoteAddressOf(Buffer.from(hex, 'hex').swap32());
}
