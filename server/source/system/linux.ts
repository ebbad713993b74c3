import { readFile } from 'node:fs/promises';

/** Bytes since the machine started, in (received, read) and out (sent, written). */
export interface ByteCounters {
  in: number;
  out: number;
}

/** Interfaces whose traffic stays on this machine, or is counted by another one already. */
const INNER_INTERFACE = /^(?:lo|ifb|dummy|docker|br-|virbr|veth|tun|tap|wg|cali|flannel|cni)/;
/** Whole disks, not their partitions, and not what is made of them (dm-, md) or of memory (loop, ram, zram). */
const WHOLE_DISK = /^(?:[shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/;
/** The unit of /proc/diskstats, whatever the disk's own sectors are. */
const SECTOR_BYTES = 512;

/** What went through the network interfaces; `undefined` where there is no /proc/net/dev (proc(5)). */
export async function readNetworkBytes(): Promise<ByteCounters | undefined> {
  const text = await readProc('/proc/net/dev');
  return text === undefined ? undefined : parseNetworkBytes(text);
}

/** What was read from and written to disks; `undefined` where there is no /proc/diskstats. */
export async function readDiskBytes(): Promise<ByteCounters | undefined> {
  const text = await readProc('/proc/diskstats');
  return text === undefined ? undefined : parseDiskBytes(text);
}

/** `  eth0: 523219529   17371 …`: received bytes first, sent bytes ninth. */
export function parseNetworkBytes(text: string): ByteCounters {
  const total = { in: 0, out: 0 };
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim();
    if (colon < 0 || INNER_INTERFACE.test(name)) continue;
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/);
    total.in += Number(fields[0]);
    total.out += Number(fields[8]);
  }
  return total;
}

/** ` 254 0 vda 149516 31318 7034074 31525 36465 40734 3443016 …`: sectors read sixth, written tenth. */
export function parseDiskBytes(text: string): ByteCounters {
  const total = { in: 0, out: 0 };
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (!WHOLE_DISK.test(fields[2] ?? '')) continue;
    total.in += Number(fields[5]) * SECTOR_BYTES;
    total.out += Number(fields[9]) * SECTOR_BYTES;
  }
  return total;
}

async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}
