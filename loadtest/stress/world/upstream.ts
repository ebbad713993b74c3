import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json } from '../../../shared/json.js';
import type { Random } from '../random.js';
import type { Stage } from '../scenario.js';

/** What an upstream does with a request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Upstream {
  /** `http://127.0.0.1:…` */
  readonly url: string;
  /** `127.0.0.1:…` */
  readonly host: string;
  /** How many requests came. */
  readonly asked: number;
  /** What it answers from now on. */
  answer: Answer;
  /** Cuts every connection. */
  cut(): void;
}

/** An HTTP server that answers as the scenario says. */
export async function startUpstream(stage: Stage, answer: Answer): Promise<Upstream> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    upstream.answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stage.own(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  const upstream: Upstream = {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    get asked() {
      return asked;
    },
    answer,
    cut: () => server.closeAllConnections(),
  };
  return upstream;
}

/** A good answer. */
export function good(value: Json): Answer {
  return (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** The ways in which an upstream fails. */
export const FAULTS: Readonly<Record<string, Answer>> = {
  'answers 500': (_request, response) => response.writeHead(500).end('{"secret":1}'),
  'answers 404': (_request, response) => response.writeHead(404).end(),
  hangs: () => {},
  'hangs in the body': (_request, response) => response.writeHead(200).write('{"n":'),
  resets: (request) => request.socket.resetAndDestroy(),
  'closes at once': (request) => request.socket.end(),
  'speaks no HTTP': (request) => request.socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
  'answers HTML': (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'),
  'answers garbage': (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"n":NaN}'),
  'truncates its body': (request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('{"n":', () => request.socket.end());
  },
  'redirects in a circle': (request, response) => response.writeHead(302, { location: request.url! }).end(),
};

const HANGING = ['hangs', 'hangs in the body'];

/**
 * Faults by chance, to be waited for with a time-out that a busy machine does not come near. One that hangs, and so
 * costs all of it, comes once at most.
 */
export function faultsBy(random: Random): () => { what: string; answer: Answer } {
  let names = Object.keys(FAULTS);
  return () => {
    const what = random.pick(names);
    if (HANGING.includes(what)) names = names.filter((name) => !HANGING.includes(name));
    return { what, answer: FAULTS[what]! };
  };
}

/** Holds answers back until `release`; those that come after it are answered at once. */
export function held(answer: Answer): { answer: Answer; release(): void } {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  return {
    answer: (request, response) => void released.then(() => answer(request, response)),
    release: () => release(),
  };
}
