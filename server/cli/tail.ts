import { connect, type Update } from '../../shared/client/index.js';
import { HeadwaterError } from '../../shared/errors.js';
import { isTopic } from '../../shared/topic.js';
import { UsageError } from './exit.js';
import { jsonFormat } from './tail-json.js';
import { textFormat } from './tail-text.js';

export interface TailFlags {
  url: string;
  json?: boolean;
  count?: string;
}

/** Turns updates into lines: what the topic holds for standard output, news about it for standard error. */
export type TailFormat = (update: Update) => { out?: string | undefined; news?: string | undefined };

/** Follows a topic until it is interrupted, has seen `count` values or events, or cannot go on. */
export async function tail(topic: string, flags: TailFlags): Promise<void> {
  const count = countOf(flags.count);
  if (!isTopic(topic)) throw new UsageError(`"${topic}" is no topic name; an example of one is quotes/AAPL`);

  const stop = new AbortController();
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const client = connect(flags.url, { onError: (error) => say(`warning: ${error.message}`) });
  let wasOpen = false;
  client.onStatus((status, reason = 'no reason was given') => {
    if (status === 'open' && wasOpen) say('connected again');
    wasOpen ||= status === 'open';
    if (status === 'draining') say('the server is going away for a while');
    if (status !== 'reconnecting') return;
    // A server that was never there is a mistake in the URL more often than a restart.
    if (wasOpen) say(`reconnecting: ${reason}`);
    else stop.abort(new HeadwaterError('unavailable', `cannot reach ${flags.url}: ${reason}`));
  });
  const interrupted = () => stop.abort(undefined);
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);

  try {
    await print(
      client.watch(topic, { signal: stop.signal }),
      flags.json ? jsonFormat() : textFormat(),
      count,
    );
  } catch (error) {
    const wasInterrupted = stop.signal.aborted && !(stop.signal.reason instanceof HeadwaterError);
    if (!wasInterrupted) throw error;
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await client.close();
  }
}

async function print(updates: AsyncIterable<Update>, format: TailFormat, count: number): Promise<void> {
  let printed = 0;
  for await (const update of updates) {
    const { out, news } = format(update);
    if (news !== undefined) process.stderr.write(`${news}\n`);
    if (out !== undefined) await writeOut(`${out}\n`);
    const isData = update.kind === 'event' || (update.kind === 'state' && update.changed);
    if (isData && ++printed >= count) return;
  }
}

/** Waits for a slow reader, so that nothing piles up here: meanwhile the SDK skips to the latest value. */
function writeOut(text: string): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.write(text)) resolve();
    else process.stdout.once('drain', resolve);
  });
}

function countOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new UsageError(`--count is "${text}"; it must be a whole number above 0`);
  return Number(text);
}
