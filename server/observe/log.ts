import { inspect } from 'node:util';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

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
 * (authorization, cookies, headers, tokens) is censored. Where an entry costs something to make, ask
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
      serializers: { err: serialized },
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: DEPTHS.flatMap((depth) => SECRET_KEYS.map((key) => (depth + key).replace('.[', '['))),
        censor: '(secret)',
      },
    },
    pretty ? forPeople(sink) : sink,
  );
}

/** Code may throw anything, also what throws when it is looked at. */
function serialized(error: unknown): unknown {
  try {
    return error instanceof Error ? pino.stdSerializers.err(error) : inspect(error);
  } catch {
    return 'a thrown value that cannot be shown';
  }
}

/** Renders in this process: a worker would lose the last lines of a process that ends. */
function forPeople(sink: DestinationStream): DestinationStream {
  const render = prettyFactory({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => sink.write(render(line)) };
}
