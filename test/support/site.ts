import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

interface Fixed {
  type?: string;
  body?: string | Buffer;
  status?: number;
  headers?: Record<string, string>;
}

/** What a path answers: a page, something else, or whatever a function does. */
export type Route = string | Fixed | ((request: IncomingMessage, response: ServerResponse) => void);

export interface Site {
  readonly url: string;
  /** Paths with their query, in the order in which they were asked for. */
  readonly asked: string[];
  /** Statuses in the same order, as far as they were sent. */
  readonly answered: number[];
  readonly routes: Record<string, Route>;
  /** Requests that were cut by the client before they were answered. */
  readonly cut: string[];
  /** Requests that are being answered. */
  readonly open: ReadonlySet<ServerResponse>;
}

/** A web server that ends with the test. Its routes can be changed; a query counts only where a route has it. */
export async function startSite(routes: Record<string, Route>): Promise<Site> {
  const asked: string[] = [];
  const answered: number[] = [];
  const cut: string[] = [];
  const open = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const path = request.url!;
    asked.push(path);
    open.add(response);
    response.on('close', () => {
      open.delete(response);
      if (response.writableFinished) answered.push(response.statusCode);
      else cut.push(path);
    });
    const route = routes[path] ?? routes[path.split('?')[0]!];
    if (route === undefined) response.writeHead(404, { 'content-type': 'text/html' }).end('<a href="/lost">');
    else if (typeof route === 'function') route(request, response);
    else answer(route, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answered,
    routes,
    cut,
    open,
  };
}

function answer(route: string | Fixed, response: ServerResponse): void {
  const fixed: Fixed = typeof route === 'string' ? { body: route } : route;
  const { type = 'text/html', body = '', status = 200, headers } = fixed;
  response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}

/** A redirect. */
export function to(location: string): Route {
  return { status: 302, headers: { location } };
}
