import { inspect } from 'node:util';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { HeadwaterError, messagesOf } from '../../shared/errors.js';

export type { Logger } from 'pino';

export interface LogOptions {
  /** Entries below it are not even built. Default `info`. */
  level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** Lines for people instead of JSON. Default: whether standard output is a terminal. */
  pretty?: boolean;
  /** Default: standard output, written at once, so that nothing is lost when the process ends. */
  destination?: DestinationStream;
}

const SECRET_KEYS = ['authorization', 'cookie', '["set-cookie"]', 'headers', 'password', 'token', 'tokens'];

/** How deep in an entry secrets are looked for. */
const DEPTHS = ['', '*.', '*.*.'];

/**
 * Makes the log: one line an entry, with `level` as a word and `time` as ISO 8601. What is called like a secret
 * (authorization, cookies, headers, tokens) is censored. Of an error (`err`) that Headwater throws on purpose it has the
 * code and the messages, of any other the stack too. Where an entry costs something to make, ask
 * `isLevelEnabled` first.
 */
export function createLogger({
  level = 'info',
  pretty = process.stdout.isTTY,
  destination: sink = destination({ fd: 1, sync: true }),
}: LogOptions = {}): Logger {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: guarded(brief) },
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: DEPTHS.flatMap((depth) => SECRET_KEYS.map((key) => (depth + key).replace('.[', '['))),
        censor: '(secret)',
      },
    },
    pretty ? forPeople(sink) : sink,
  );
}

/** The same log for what should not have happened: every error has its stack. */
export function forDefects(logger: Logger): Logger {
  return logger.child({}, { serializers: { err: guarded(whole) } });
}

/** Code may throw anything, also what throws when it is looked at. */
function guarded(show: (error: unknown) => unknown): (error: unknown) => unknown {
  return (error) => {
    try {
      return show(error);
    } catch {
      return 'a thrown value that cannot be shown';
    }
  };
}

function brief(error: unknown): unknown {
  return isExpected(error) ? { code: error.code, message: messagesOf(error) } : whole(error);
}

function whole(error: unknown): unknown {
  return error instanceof Error ? pino.stdSerializers.err(error) : inspect(error);
}

/** Whether an error says all there is to know: thrown on purpose, and not for a defect in somebody's code. */
export function isExpected(error: unknown): error is HeadwaterError {
  if (!(error instanceof HeadwaterError) || error.defect) return false;
  return !(error.cause instanceof HeadwaterError) || isExpected(error.cause);
}

/** Renders in this process: a worker would lose the last lines of a process that ends. */
function forPeople(sink: DestinationStream): DestinationStream {
  const render = prettyFactory({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => sink.write(render(line)) };
}
