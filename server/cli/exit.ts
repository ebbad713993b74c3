import { CommanderError } from 'commander';
import { type ErrorCode, HeadwaterError, messageOf } from '../../shared/errors.js';

/**
 * How the command ended: 0 fine, 1 failed at run time, 2 wrong usage or configuration, 130 interrupted before it was
 * through (what shells say of a command that SIGINT ended).
 */
export type ExitCode = 0 | 1 | 2 | 130;

/** A command line that asks for something that cannot be; the message says what would be right. */
export class UsageError extends Error {}

const USAGE_CODES: ReadonlySet<ErrorCode> = new Set([
  'config_invalid',
  'config_unreadable',
  'loop_unavailable',
]);

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return 2;
  return error instanceof HeadwaterError && USAGE_CODES.has(error.code) ? 2 : 1;
}

/** What to print of an error: nothing where commander did already, a stack only for defects. */
export function describeError(error: unknown): string | undefined {
  if (error instanceof CommanderError) return undefined;
  if (error instanceof HeadwaterError || error instanceof UsageError) return `headwater: ${error.message}`;
  const detail = error instanceof Error ? error.stack : undefined;
  return `headwater: a defect, please report it: ${detail ?? messageOf(error)}`;
}
