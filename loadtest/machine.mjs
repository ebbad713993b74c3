/** What the benchmarks know of the machine: its size, where a process runs, and what it has used. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Whether a command can be run and succeeds. */
export function works(/** @type {string} */ command, /** @type {string[]} */ args) {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const pinned = cpus().length > 1 && works('taskset', ['-V']);

export const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, pinned };

/** The command, kept to one core where the machine has two and `taskset`. */
export function on(/** @type {number} */ core, /** @type {string[]} */ command) {
  return pinned ? ['taskset', '-c', String(core), ...command] : command;
}

/** CPU seconds of a process so far, of all its threads, in user and kernel mode; to the nanosecond, unlike its `stat`. */
export function cpuOf(/** @type {number} */ pid) {
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'),
  );
  return threads.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0) / 1e9;
}

/** Bytes of memory that a process holds (VmRSS). */
export function memoryOf(/** @type {number} */ pid) {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

/** How many files a process may have open, connections included. */
export function openFilesLimit() {
  const [, hard] = /Max open files\s+\d+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Number(hard ?? Number.POSITIVE_INFINITY);
}

export function median(/** @type {number[]} */ values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
