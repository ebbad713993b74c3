import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a request said, as the server saw it. */
export interface Seen {
  method: string;
  /** The target as it came: path and query, not decoded. */
  target: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An HTTP server that answers every request with its target, and keeps what it saw. Nothing of it outlives the test. */
export async function echoUpstream(answer: (seen: Seen) => unknown = ({ target }) => ({ target })) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const one = { method: request.method!, target: request.url!, headers: request.headers, body };
    seen.push(one);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer(one)));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
