import { HeadwaterError, messageOf } from '../../shared/errors.js';
import type { ListenOptions } from './policy.js';

/** Tells why a listener could not be opened, and what to do about it. */
export function listenError(cause: unknown, { host, port }: ListenOptions): HeadwaterError {
  const code = errnoOf(cause);
  if (code === 'EADDRINUSE') {
    return new HeadwaterError(
      'port_in_use',
      `${host}:${port} is in use by another process: stop that one or choose another port`,
      { cause },
    );
  }
  return new HeadwaterError(
    'listen_failed',
    `cannot listen on ${host}:${port}: ${messageOf(cause)}${ADVICE[code] ?? ''}`,
    { cause },
  );
}

const ADVICE: Record<string, string> = {
  EACCES: ' (ports below 1024 need privileges: choose a higher one)',
  EADDRNOTAVAIL: ' (no network interface of this machine has that address)',
  ENOTFOUND: ' (the host name does not resolve: give an address of this machine, such as 127.0.0.1)',
};

function errnoOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
