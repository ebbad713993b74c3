import { createRequire } from 'node:module';
import { HeadwaterError, messageOf } from '../../shared/errors.js';
import { MAX_HEAD_BYTES } from './head.js';
import type { UwsModule } from './uws-native.js';

/** The names under which package.json installs it, the newest first. */
const PACKAGES = [
  { name: 'uWebSockets.js-modern', version: '20.69', needs: 'Node 22, 24 or 26 and glibc 2.38' },
  { name: 'uWebSockets.js', version: '20.51', needs: 'Node 18, 20, 22 or 23 and glibc 2.27' },
] as const;

/**
 * Loads the newest uWebSockets.js whose binary works on this machine.
 * @throws {HeadwaterError} `loop_unavailable`: says what this machine is, what was tried, and what to do
 */
export function loadUws(load: (name: string) => unknown = createRequire(import.meta.url)): UwsModule {
  // Read once as the binary loads; its own 4 KiB are less than one cookie may take.
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(MAX_HEAD_BYTES);
  const reasons: string[] = [];
  for (const { name, version, needs } of PACKAGES) {
    try {
      const loaded = load(name) as UwsModule;
      // Leaves its name out of every answer; a process-wide setting without a documented name.
      loaded._cfg?.('silent');
      return loaded;
    } catch (cause) {
      reasons.push(`${version} (needs ${needs}): ${lastLine(messageOf(cause))}`);
    }
  }
  throw new HeadwaterError(
    'loop_unavailable',
    `the uws loop cannot be loaded on ${thisMachine()}. Tried uWebSockets.js ${reasons.join('; ')}. ` +
      'Use the libuv loop, or a Node version and platform named above; after a change of Node, run npm ci again.',
  );
}

function thisMachine(): string {
  const glibc = glibcVersion();
  const libc = process.platform === 'linux' ? `, ${glibc ? `glibc ${glibc}` : 'no glibc'}` : '';
  return `${process.platform} ${process.arch}, Node ${process.versions.node}${libc}`;
}

function glibcVersion(): string | undefined {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}

/** uWebSockets.js puts what the system said below an explanation of its own. */
function lastLine(message: string): string {
  const lines = message.split('\n').filter((line) => line.trim() !== '' && !/^(- |Require stack)/.test(line));
  return lines.at(-1)?.trim() ?? 'no reason given';
}
