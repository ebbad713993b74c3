import type { Backoff } from './backoff.js';
import { createRetry } from './backoff.js';
import { openSseStream, type SseStream } from './sse-stream.js';
import type { Status, Transport, TransportSink, Wanted } from './transport.js';

export interface SseTransportOptions {
  /** The server's base, ending in a slash. */
  url: URL;
  token: string | undefined;
  backoff: Backoff;
  sink: TransportSink;
}

interface Entry {
  stream: SseStream;
  status: Exclude<Status, 'closed'>;
}

/**
 * One event stream a topic (PROTOCOL section 3), for where there is no WebSocket. Browsers hold six connections a host
 * over HTTP/1.1, so it suits a handful of topics.
 */
export function createSseTransport({ url, token, backoff, sink }: SseTransportOptions): Transport {
  const entries = new Map<string, Entry>();
  /** Streams that were closed and are still on their way out. */
  const leaving = new Set<Promise<void>>();
  let everOpen = false;

  /** The worst of all streams speaks for the client. */
  function report(reason?: string): void {
    const statuses = new Set([...entries.values()].map((entry) => entry.status));
    const worst = (['reconnecting', 'draining', 'connecting'] as const).find((status) =>
      statuses.has(status),
    );
    if (worst) sink.status(worst, reason);
    else if (everOpen) sink.status('open');
  }

  function subscribe(wanted: Wanted): void {
    const { topic } = wanted;
    function move(status: Entry['status'], reason?: string): void {
      entry.status = status;
      report(reason);
    }
    const stream = openSseStream({
      url,
      token,
      wanted,
      retry: createRetry(backoff),
      sink: {
        open() {
          everOpen = true;
          // A stream tells of a failing source at its start, so silence means that it works.
          sink.message({ type: 'fresh', topic });
          move('open');
        },
        lost: (reason) => move('reconnecting', reason),
        draining: () => move('draining', 'the server is going away'),
        // Only event topics have it, and it says what `subscribed` does on a WebSocket.
        position: (cursor) =>
          sink.message({ type: 'subscribed', topic, kind: 'event', ...cursor, resumed: false }),
        message: (message, epoch) => sink.message(message, epoch),
        problem: (error) => sink.problem(error, topic),
        refused(error) {
          entries.delete(topic);
          sink.refused(topic, error);
          report();
        },
      },
    });
    const entry: Entry = { stream, status: everOpen ? 'open' : 'connecting' };
    entries.set(topic, entry);
  }

  function unsubscribe(topic: string): void {
    const entry = entries.get(topic);
    if (!entry) return;
    entries.delete(topic);
    const left = entry.stream.close().finally(() => leaving.delete(left));
    leaving.add(left);
    report();
  }

  return {
    subscribe,
    unsubscribe,
    resubscribe: ({ topic }) => entries.get(topic)?.stream.restart(),
    async close() {
      for (const topic of [...entries.keys()]) unsubscribe(topic);
      await Promise.all(leaving);
    },
  };
}
