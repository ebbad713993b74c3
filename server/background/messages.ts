import { type ErrorCode, HeadwaterError } from '../../shared/errors.js';
import type { BoundListener } from '../app/listeners.js';
import type { ConfigInput } from '../config/schema.js';

/** What the thread is given when it starts: a configuration without functions, or the path of a file. */
export interface BackgroundData {
  config: ConfigInput | string;
}

/** From the host program to the thread. */
export type ToBackground = { type: 'call'; id: number; name: string; args: unknown[] } | { type: 'close' };

/** From the thread to the host program; `started` or `refused` comes first. */
export type FromBackground =
  | { type: 'started'; loop: string; listeners: readonly BoundListener[]; drainTimeout: number }
  | { type: 'refused'; error: PackedError }
  | { type: 'result'; id: number; value: unknown }
  | { type: 'failed'; id: number; error: PackedError };

/** An error on its way: a copy between threads keeps neither its class nor its code. */
export interface PackedError {
  code: ErrorCode | undefined;
  error: Error;
}

export function packError(thrown: unknown): PackedError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { message, stack } = error;
  const copy = Object.assign(new Error(message), stack !== undefined && { stack });
  return { code: thrown instanceof HeadwaterError ? thrown.code : undefined, error: copy };
}

export function unpackError({ code, error }: PackedError): Error {
  return code ? new HeadwaterError(code, error.message, { cause: error }) : error;
}
