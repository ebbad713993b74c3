/** Starts the programs of a run, talks with them in lines of JSON, and ends them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { on } from '../machine.mjs';

/** An answer may take this long, in ms, beyond what its question takes by nature. */
const PATIENCE = 30_000;
const GOODBYE = 5_000;

/**
 * @typedef {object} Program
 * @property {number} pid
 * @property {(question: object | string | undefined, extra?: number) => Promise<any>} ask says something, unless
 *   `undefined`, and resolves with the line that answers; `extra` is how many ms that may take by nature
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} name for errors
 * @param {number} core
 * @param {string[]} command
 * @returns {Program}
 */
export function start(name, core, command) {
  const [file = '', ...args] = on(core, command);
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaints = (complaints + text).slice(-2_000);
  });
  // A program that has ended is told of by its exit, not by the pipe that broke.
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));

  return {
    pid: child.pid ?? 0,
    async ask(question, extra = 0) {
      if (question !== undefined)
        child.stdin.write(`${typeof question === 'string' ? question : JSON.stringify(question)}\n`);
      const { value, done } = await within(PATIENCE + extra, lines.next(), name);
      if (!done) return JSON.parse(value);
      const { code, signal } = await exited;
      throw new Error(`${name} ended (${signal ?? code}): ${gist(complaints)}`);
    },
    async stop() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), GOODBYE);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** The line of what a program complained that says why, among those that say where. */
function gist(/** @type {string} */ complaints) {
  const lines = complaints.trim().split('\n');
  return lines.find((line) => /^(\w*Error|panic|load):? /.test(line)) ?? lines.at(-1) ?? '';
}

/** @template T @param {number} milliseconds @param {Promise<T>} promise @param {string} name */
async function within(milliseconds, promise, name) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} gave no answer in ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
