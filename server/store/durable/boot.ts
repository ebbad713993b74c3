import { readFileSync } from 'node:fs';

/**
 * Names the time since this machine's kernel was started: as long as that is the same, what a process wrote is there,
 * however it ended. `undefined` where the system does not tell (it is Linux that does).
 */
export function currentBoot(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return undefined;
  }
}
