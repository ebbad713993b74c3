import { get, type IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import type { ServerMessage } from '../../../shared/messages.js';
import type { Stage } from '../scenario.js';

export interface EventStream {
  readonly response: IncomingMessage;
  /** The last event id, which a browser would send when it comes back. */
  readonly lastEventId: string | undefined;
  /** Cuts it; resolves when the socket is gone. */
  cut(): Promise<void>;
  readonly ended: Promise<void>;
}

/** Reads an event stream; `heard` is called with each message. Rejects for an answer that is none. */
export async function openEventStream(
  stage: Stage,
  url: string,
  heard: (message: ServerMessage) => void,
  lastEventId?: string,
): Promise<EventStream> {
  const headers = {
    accept: 'text/event-stream',
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  const request = get(url, { agent: false, headers });
  const ended = new Promise<void>((resolve) => void request.on('close', resolve));
  stage.own(() => {
    request.destroy();
    return ended;
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject);
  });
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}, no event stream`);
  let last = lastEventId;
  const parser = createParser({
    onEvent({ id, data }) {
      if (id !== undefined) last = id;
      const parsed = JSON.parse(data) as ServerMessage | ServerMessage[];
      for (const message of Array.isArray(parsed) ? parsed : [parsed]) heard(message);
    },
  });
  // A block of nothing but an id fires no event, and moves the last id all the same (WHATWG HTML, 9.2.6).
  const lines = { rest: '' };
  response.setEncoding('utf8').on('data', (chunk: string) => {
    parser.feed(chunk);
    const complete = (lines.rest + chunk).split('\n');
    lines.rest = complete.pop()!;
    for (const line of complete) if (line.startsWith('id: ')) last = line.slice(4);
  });
  response.on('error', () => {});
  return {
    response,
    get lastEventId() {
      return last;
    },
    cut() {
      request.destroy();
      return ended;
    },
    ended,
  };
}
