import { type Cursor, formatCursor, parseCursor } from '../cursor.js';
import { HeadwaterError, messagesOf, WIRE_ERROR_CODES, type WireErrorCode } from '../errors.js';
import type { ServerMessage } from '../messages.js';
import type { Retry } from './backoff.js';
import { decodeFrame } from './decode.js';
import { createEventStreamParser } from './event-stream-parser.js';
import type { Wanted } from './transport.js';
import { createWatchdog, type Watchdog } from './watchdog.js';

/**
 * Servers comment this often on a stream that has no news, unless their first comment says how often, as
 * `heartbeat 5000`; one that is silent twice as long is given up.
 */
const HEARTBEAT_MS = 25_000;
const HEARTBEAT_COMMENT = /^heartbeat ([1-9]\d{0,8})$/;

export interface SseStreamOptions {
  url: URL;
  token: string | undefined;
  wanted: Wanted;
  retry: Retry;
  sink: SseStreamSink;
}

export interface SseStreamSink {
  open(): void;
  /** It was lost and will be tried again. */
  lost(reason: string): void;
  draining(): void;
  message(message: ServerMessage, epoch: string | undefined): void;
  /** The stream moved its id without a message: where a reader of events stands before the first. */
  position(cursor: Cursor): void;
  refused(error: HeadwaterError): void;
  problem(error: HeadwaterError): void;
}

export interface SseStream {
  /** Connects anew, now, from the cursor that is wanted then. */
  restart(): void;
  close(): Promise<void>;
}

/** Keeps one event stream of one topic open (WHATWG HTML, "Server-sent events", over `fetch`) until it is closed or refused. */
export function openSseStream({ url, token, wanted, retry, sink }: SseStreamOptions): SseStream {
  const owner = new AbortController();
  let attempt = new AbortController();
  let restarting = false;
  owner.signal.addEventListener('abort', () => attempt.abort(), { once: true });

  async function run(): Promise<void> {
    while (!owner.signal.aborted) {
      attempt = new AbortController();
      restarting = false;
      const end = await connectOnce().catch((error: unknown) => giveReason(attempt.signal, error));
      attempt.abort();
      if (owner.signal.aborted) return;
      if (end instanceof HeadwaterError) return sink.refused(end);
      if (restarting) continue;
      sink.lost(end);
      await sleep(retry.next(), owner.signal);
    }
  }

  /** Reads one connection to its end. @returns why it ended: an error where the server refused for good. */
  async function connectOnce(): Promise<string | HeadwaterError> {
    const watchdog = createWatchdog(
      () => undefined,
      () => attempt.abort('the server fell silent'),
    );
    watchdog.start(HEARTBEAT_MS);
    try {
      const response = await fetch(requestUrl(url, wanted), {
        headers: requestHeaders(token, wanted),
        cache: 'no-store',
        signal: attempt.signal,
      });
      if (!isEventStream(response)) return await refusal(response, wanted.topic, retry);
      retry.opened();
      sink.open();
      await readBody(response, watchdog);
      return 'the server ended the stream';
    } finally {
      watchdog.stop();
    }
  }

  async function readBody(response: Response, watchdog: Watchdog): Promise<void> {
    const parse = createEventStreamParser({
      event(data, id) {
        const epoch = parseCursor(id)?.epoch;
        decodeFrame(data, (message) => receive(message, epoch), sink.problem);
      },
      id(id) {
        const cursor = parseCursor(id);
        if (cursor && !attempt.signal.aborted) sink.position(cursor);
      },
      retry: retry.asked,
      comment(text) {
        const [, heartbeat] = HEARTBEAT_COMMENT.exec(text) ?? [];
        if (heartbeat !== undefined && !attempt.signal.aborted) watchdog.start(Number(heartbeat));
      },
    });
    const decoder = new TextDecoder();
    const reader = response.body!.getReader();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      watchdog.heard();
      parse(decoder.decode(chunk.value, { stream: true }));
      // A subscriber may have closed or restarted us meanwhile; what is still in this chunk is not for it.
      if (attempt.signal.aborted) return;
    }
  }

  function receive(message: ServerMessage, epoch: string | undefined): void {
    if (attempt.signal.aborted) return;
    if (message.type === 'drain') {
      retry.asked(message.reconnectAfter);
      sink.draining();
    } else if (message.type === 'error') {
      sink.problem(new HeadwaterError(message.code, message.message));
    } else {
      sink.message(message, epoch);
    }
  }

  const running = run();
  return {
    restart() {
      restarting = true;
      attempt.abort();
    },
    close() {
      owner.abort();
      return running;
    },
  };
}

function requestUrl(base: URL, { topic, mode, progress }: Wanted): URL {
  const url = new URL(`topics/${topic}`, base);
  url.searchParams.set('mode', mode ?? 'patch');
  if (progress !== undefined) url.searchParams.set('progress', String(progress));
  return url;
}

function requestHeaders(token: string | undefined, { cursor }: Wanted): Record<string, string> {
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  if (cursor) headers['last-event-id'] = formatCursor(cursor);
  return headers;
}

function isEventStream(response: Response): boolean {
  const type = response.headers.get('content-type') ?? '';
  return response.ok && /^text\/event-stream\s*(;|$)/i.test(type) && response.body !== null;
}

/** What an answer that is no stream means: a reason to try again, or an error where trying again is vain. */
async function refusal(response: Response, topic: string, retry: Retry): Promise<string | HeadwaterError> {
  if (response.status >= 500 || response.status === 429 || response.status === 408) {
    const after = Number(response.headers.get('retry-after') ?? Number.NaN);
    if (after >= 0) retry.asked(after * 1_000);
    return `the server answered ${response.status}`;
  }
  const problem = await readProblem(response);
  const text =
    problem.detail ?? `The server answered ${response.status} and no event stream for the topic "${topic}".`;
  return new HeadwaterError(problem.code ?? codeOfStatus(response.status), text);
}

/** RFC 9457. Anything else, a proxy's page say, is left unread: the status has to do. */
async function readProblem(response: Response): Promise<{ code?: WireErrorCode; detail?: string }> {
  if (!response.headers.get('content-type')?.startsWith('application/problem+json')) return {};
  try {
    const { code, detail } = (await response.json()) as Record<string, unknown>;
    const known = WIRE_ERROR_CODES.find((candidate) => candidate === code);
    return { ...(known && { code: known }), ...(typeof detail === 'string' && { detail }) };
  } catch {
    return {};
  }
}

function codeOfStatus(status: number): WireErrorCode | 'protocol_error' {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'unknown_topic';
  return status >= 400 ? 'bad_request' : 'protocol_error';
}

function giveReason(signal: AbortSignal, error: unknown): string {
  return signal.aborted && typeof signal.reason === 'string' ? signal.reason : messagesOf(error);
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
