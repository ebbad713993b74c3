import { pipeline, type Readable } from 'node:stream';
import type { Clock } from '../../async/clock.js';
import { decoderOf } from '../../web/encoding.js';
import { startDeadline } from '../deadline.js';
import type { HttpClient } from '../http/client.js';
import { failureOf } from '../http/failure.js';
import { single } from '../http/field.js';
import { prepare } from '../http/request.js';
import { NothingSelected } from '../shape/nothing.js';
import { createShape, type Shape, type ShapeOptions } from '../shape/shape.js';
import { durationText, SourceError } from '../source-error.js';
import { createDecoder, type StreamFormat } from './decoder.js';
import { idRefusedBy, isDoubtful, lastEventId } from './last-event-id.js';
import { type OpenStream, openStream } from './open-stream.js';
import { originOf } from './origin.js';
import type { PushContext, Pushed, PushSource } from './push-source.js';

export interface HttpStreamOptions extends ShapeOptions {
  /** `user:password@` in it becomes an `authorization` header. Never shown whole: it may hold secrets. */
  stream: string;
  /** Absent: by the content type of the answer. */
  format?: StreamFormat | undefined;
  /**
   * The names of the events that are messages; `message` stands for those without one. Then it must be `sse`. Absent:
   * all.
   */
  events?: readonly string[] | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds until the answer begins, without the wait for its host; default 10,000. */
  timeout?: number;
  /** Milliseconds without a byte after which the upstream is taken for dead. Absent: while the connection stands. */
  idle?: number | undefined;
  /** The largest message, inflated; default 16 MiB. Of events, characters are counted. */
  maxBytes?: number;
}

/** `after`: the id behind which it goes on. */
interface Opened extends OpenStream {
  after: string | undefined;
}

const TIMEOUT = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;

const ACCEPT: Readonly<Record<StreamFormat | 'any', string>> = {
  sse: 'text/event-stream',
  ndjson: 'application/x-ndjson, application/jsonl, */*;q=0.5',
  any: 'text/event-stream, application/x-ndjson;q=0.9, application/jsonl;q=0.9',
};
const TYPES: readonly [type: RegExp, format: StreamFormat][] = [
  [/^text\/event-stream\b/i, 'sse'],
  [/^(application|text)\/(x-)?(ndjson|jsonl|jsonlines|json-lines|stream\+json)\b/i, 'ndjson'],
];

/**
 * Server-Sent Events (WHATWG HTML, section 9.2) or JSON lines behind a URL. Resumes with `Last-Event-ID` where the
 * upstream gave ids, or anew, with a fault, where it refuses the last one; keeps to its `retry:`, and takes gzip and
 * br. A message that `select` finds nothing in is of another kind and passed over: a sign of life.
 */
export function httpStream(client: HttpClient, options: HttpStreamOptions, clock: Clock): PushSource {
  const { stream: url, events, headers: given, timeout = TIMEOUT, idle, maxBytes = MAX_BYTES } = options;
  const { format } = options;
  const wanted = events ? 'sse' : (format ?? 'any');
  const asking = {
    url,
    headers: { accept: ACCEPT[wanted], 'cache-control': 'no-cache', ...given },
  };
  const { target, label, method, headers } = prepare(asking, client.conceal);
  const shape = createShape(options);
  const { select, array } = options;
  const { onRecovery } = client.hosts.at(target.origin);
  const name = `${target.origin}${target.path}`;
  let pause: number | undefined;
  let underWay = false;
  /** The last attempt was answered as if for the sake of its id, which may also have had another reason. */
  let doubted = false;

  /** Opens the stream, or gives up after `timeout`. */
  async function open(after: string | undefined, own: AbortController): Promise<OpenStream> {
    const { signal } = own;
    // An id that no header can hold is refused before the time runs: nobody would end it.
    const resuming = after === undefined ? {} : lastEventId(after, label);
    const question = { target, label, method, headers: { ...headers, ...resuming }, maxBytes };
    const deadline = startDeadline({ label, timeout, owner: signal, clock });
    deadline.onAbort(() => {
      if (deadline.expired)
        own.abort(new SourceError(`${label} did not answer within ${durationText(timeout)}`));
    });
    try {
      return await openStream(client, question, { signal, deadline });
    } finally {
      deadline.end();
    }
  }

  /** Or anew, where the upstream has forgotten the id: it would be asked in vain for ever, restarts included. */
  async function* openBehind(after: string, own: AbortController): AsyncGenerator<readonly Pushed[], Opened> {
    const doubtedBefore = doubted;
    doubted = false;
    try {
      return { after, ...(await open(after, own)) };
    } catch (failure) {
      const error = idRefusedBy(failure, label, doubtedBefore);
      doubted = !error && isDoubtful(failure);
      if (!error) throw failure;
      // Where that is refused as well, it was not for the id.
      const stream = await open(undefined, own);
      yield [{ kind: 'fault', error, at: '' }];
      return { after: undefined, ...stream };
    }
  }

  async function* messages(last: string | undefined, own: AbortController) {
    // An empty id is none.
    const opened = last
      ? yield* openBehind(last, own)
      : { after: undefined, ...(await open(undefined, own)) };
    const { after, fields, body } = opened;
    try {
      let batch: Pushed[] = [];
      const answered = format ?? formatOf(single(fields['content-type']), label);
      if (events && answered === 'ndjson') {
        throw new SourceError(`${label} answered with JSON lines, which have no names: take "events" out`);
      }
      const decoder = createDecoder(answered, {
        label,
        events,
        after,
        maxBytes,
        onRetry(ms) {
          pause = ms;
        },
        push: (item) => void batch.push(item),
      });
      yield [{ kind: 'open', resumed: after !== undefined } as const];
      for await (const chunk of chunksOf(inflated(body, single(fields['content-encoding'])), own)) {
        batch = [];
        try {
          decoder.feed(chunk);
        } finally {
          // What came before a message that is too large is good.
          if (batch.length > 0) yield await shaped(batch, shape, label);
        }
      }
      batch = [];
      decoder.end();
      yield await shaped(batch, shape, label);
    } finally {
      // Frees the socket where reading ended early.
      body.destroy();
    }
  }

  async function* chunksOf(stream: Readable, own: AbortController): AsyncGenerator<Buffer> {
    const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const silent = () => own.abort(new SourceError(`${label} sent nothing for ${durationText(idle!)}`));
    for (;;) {
      // Only while somebody waits for the upstream, not while the upstream waits for us.
      const timer = idle === undefined ? undefined : clock.after(idle, silent);
      const { done, value } = await chunks.next().finally(() => timer?.cancel());
      if (done) return;
      yield value;
    }
  }

  return {
    label,
    originFor: (kind) => (kind === 'event' ? originOf(name) : originOf(name, select, array, events)),
    get pause() {
      return pause;
    },
    async *connect({ signal, after }: PushContext) {
      const own = new AbortController();
      const end = () => own.abort(signal.reason);
      if (signal.aborted) end();
      signal.addEventListener('abort', end);
      underWay = true;
      try {
        yield* messages(after, own);
      } catch (error) {
        throw own.signal.aborted ? own.signal.reason : failureOf(error, label);
      } finally {
        signal.removeEventListener('abort', end);
        own.abort();
        underWay = false;
      }
    },
    // Who was shut out comes back at once, and not at the end of a backoff; who is under way needs no help.
    watch: (back, signal) => onRecovery(() => !underWay && back(), signal),
  };
}

async function shaped(
  batch: readonly Pushed[],
  shape: Shape | undefined,
  label: string,
): Promise<readonly Pushed[]> {
  if (!shape) return batch;
  const items: Pushed[] = [];
  for (const item of batch)
    items.push(item.kind === 'message' ? await shapedMessage(item, shape, label) : item);
  return items;
}

async function shapedMessage(
  { value, at }: Extract<Pushed, { kind: 'message' }>,
  shape: Shape,
  label: string,
): Promise<Pushed> {
  try {
    return { kind: 'message', value: await shape(value, label), at };
  } catch (error) {
    return error instanceof NothingSelected ? { kind: 'alive', at } : { kind: 'fault', error, at };
  }
}

function inflated(body: Readable, encoding: string | undefined): Readable {
  const decoder = decoderOf(encoding);
  if (!decoder) return body;
  // The reader of the decoder hears of every failure.
  return pipeline(body, decoder, () => {});
}

function formatOf(contentType = '', label: string): StreamFormat {
  const format = TYPES.find(([type]) => type.test(contentType))?.[1];
  if (format) return format;
  const type = /^[\w.+/-]{1,80}/.exec(contentType)?.[0] ?? 'no content type';
  throw new SourceError(
    `${label} answered with ${type}, which is no stream; if it is one, say which with format`,
  );
}
