import { HeadwaterError } from '../../shared/errors.js';
import { SUBPROTOCOL } from '../../shared/messages.js';
import type { HttpHandlers, HttpRequest, WebSocketUpgrade } from '../loop/policy.js';
import type { EdgeContext } from './context.js';
import { answer, type Exchange, type Route, refusalOf, reply } from './exchange.js';
import { checkHead } from './head-limits.js';
import { preflightHeaders } from './origin.js';
import type { Pages } from './pages.js';
import { problem, type Reply } from './problem.js';
import { bearerToken } from './publish-right.js';
import { showRace } from './race-route.js';
import { readTopic } from './read-topic.js';
import { serveEventStream } from './sse.js';
import { listTopics, refreshTopic, showHealth, showMetrics, showReadiness } from './status-routes.js';
import { showTasks } from './task-routes.js';
import { serveWebSocket } from './websocket.js';
import { writeTopic } from './write-topic.js';

type Methods = Readonly<Record<string, Route>>;

const FIXED: Readonly<Record<string, Methods>> = {
  '/topics': { GET: listTopics },
  '/sse': { GET: (context, exchange) => serveEventStream(context, exchange, topicsOf(exchange.query)) },
  '/healthz': { GET: showHealth },
  '/readyz': { GET: showReadiness },
  '/metrics': { GET: showMetrics },
  '/debug/tasks': { GET: showTasks },
  '/ws': {
    GET: (context, exchange) => {
      const detail = 'this is a WebSocket endpoint: connect with a WebSocket client';
      reply(context, exchange, problem('bad_request', detail, 426, { upgrade: 'websocket' }));
    },
  },
};

/** All that HTTP clients can reach (PROTOCOL section 3); what is no route is looked for among the pages. */
export function createRoutes(context: EdgeContext, pages: Pages): HttpHandlers {
  function routesOf(path: string): Methods | undefined {
    const fixed = Object.hasOwn(FIXED, path) ? FIXED[path] : undefined;
    if (fixed) return fixed;
    if (path.startsWith('/topics/')) return topicRoutes(nameIn(path, '/topics/'));
    if (path.startsWith('/refresh/')) {
      const name = nameIn(path, '/refresh/');
      return { POST: (context, exchange) => refreshTopic(context, exchange, name) };
    }
    if (path.startsWith('/race/')) {
      const name = nameIn(path, '/race/');
      return { GET: (context, exchange) => showRace(context, exchange, name) };
    }
    return pages.find(path, undefined) ? { GET: showPage } : undefined;
  }

  function showPage(context: EdgeContext, exchange: Exchange): void {
    const { request } = exchange;
    const page = pages.find(request.path, request.header('if-none-match'));
    if (page) reply(context, exchange, page);
  }

  const dispatch: Route = (context, exchange) => {
    const { request } = exchange;
    const routes = routesOf(request.path);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (method === 'OPTIONS') {
      reply(context, exchange, { status: 204, headers: preflightHeaders(request, context.origins) });
      return undefined;
    }
    if (!routes) {
      reply(
        context,
        exchange,
        problem('bad_request', `there is nothing at ${request.path.slice(0, 300)}: see GET /topics`, 404),
      );
      return undefined;
    }
    const route = Object.hasOwn(routes, method) ? routes[method] : undefined;
    if (route) return route(context, exchange);
    const allow = Object.keys(routes).join(', ');
    reply(context, exchange, problem('bad_request', `${request.path} takes ${allow}`, 405, { allow }));
    return undefined;
  };

  return {
    request: (request, response) => void answer(context, dispatch, request, response),
    upgrade: (request, upgrade) => void admitWebSocket(context, request, upgrade),
  };
}

function topicRoutes(name: string): Methods {
  const write: Route = (context, exchange) => writeTopic(context, exchange, name);
  return {
    GET: (context, exchange) =>
      wantsEventStream(exchange)
        ? serveEventStream(context, exchange, [name])
        : readTopic(context, exchange, name),
    PUT: write,
    PATCH: write,
    POST: write,
  };
}

/** Not with `?since=`: a cache knows that by its URL alone, so it must not be another thing for another `Accept`. */
function wantsEventStream({ request, query }: Exchange): boolean {
  if (request.method !== 'GET' || query.has('since')) return false;
  return /\btext\/event-stream\b/i.test(request.header('accept') ?? '');
}

/** Topics of `/sse?topic=a&topic=b`, each once. */
function topicsOf(query: URLSearchParams): string[] {
  return [...new Set(query.getAll('topic'))];
}

function nameIn(path: string, prefix: string): string {
  try {
    return decodeURIComponent(path.slice(prefix.length));
  } catch {
    throw new HeadwaterError(
      'bad_request',
      `${path.slice(0, 300)} is not percent-encoded UTF-8 (RFC 3986, 2.1)`,
    );
  }
}

/** Lets a WebSocket in, or answers its handshake with a problem document. */
async function admitWebSocket(
  context: EdgeContext,
  request: HttpRequest,
  upgrade: WebSocketUpgrade,
): Promise<void> {
  const refuse = ({ status, headers, body }: Reply) => upgrade.refuse(status, headers, body);
  const gone = new AbortController();
  upgrade.onAbort(() => gone.abort());
  try {
    checkHead(request, context.limits);
    if (request.path !== '/ws') {
      refuse(problem('bad_request', `there is no WebSocket at ${request.path}: it is at /ws`, 404));
      return;
    }
    if (!context.origins.allows(request)) {
      throw new HeadwaterError('forbidden', 'this page may not connect: list its origin under http.origins');
    }
    const token = bearerToken(request.header('authorization'));
    if (token !== undefined && context.publishRight.granted) context.publishRight.require(token);
    const guest = await context.gatekeeper.admitInTurn(request.remoteAddress, 'websocket', gone.signal);
    gone.signal.addEventListener('abort', () => guest.leave());
    upgrade.accept({
      ...(offersOurs(request) ? { protocol: SUBPROTOCOL } : {}),
      open: (socket) => serveWebSocket(context, socket, token, guest),
    });
  } catch (error) {
    const refusal = refusalOf(context, error);
    if (refusal.status === 500) context.report(error, 'websocket upgrade');
    context.limitHits.note(error);
    refuse(refusal);
  }
}

function offersOurs(request: HttpRequest): boolean {
  const offered = request.header('sec-websocket-protocol') ?? '';
  return offered.split(',').some((protocol) => protocol.trim() === SUBPROTOCOL);
}
