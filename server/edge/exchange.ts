import type { HttpRequest, HttpResponse } from '../loop/policy.js';
import type { EdgeContext } from './context.js';
import { checkHead } from './head-limits.js';
import { problemOf, type Reply } from './problem.js';

/** Whoever a server that goes away refuses is sent off for 1 s up to so many. */
const RETRY_AFTER_SPREAD = 5;

/** One HTTP request on its way to an answer. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly query: URLSearchParams;
  /** Aborts when the client goes away before the answer is complete; once that is an event stream, its outlet is told instead. */
  readonly gone: AbortSignal;
}

/** Answers one route. What it throws is answered as a problem document. */
export type Route = (context: EdgeContext, exchange: Exchange) => void | Promise<void>;

/** Answers whole, with the headers that let allowed foreign pages read it. */
export function reply(
  context: EdgeContext,
  { request, response }: Exchange,
  { status, headers, body }: Reply,
): void {
  response.send(status, { ...context.origins.headers(request), ...headers }, body);
}

/** Runs a route; whatever it throws becomes its answer, and a defect is reported too. */
export async function answer(
  context: EdgeContext,
  route: Route,
  request: HttpRequest,
  response: HttpResponse,
): Promise<void> {
  const end = context.gatekeeper.begin();
  // A route ends when it has answered; the answer may take its time to leave.
  response.onDone(context.gatekeeper.begin());
  const gone = new AbortController();
  response.onAbort(() => gone.abort());
  const exchange = { request, response, query: new URLSearchParams(request.query), gone: gone.signal };
  try {
    checkHead(request, context.limits);
    await route(context, exchange);
  } catch (error) {
    // Nobody is there to be told.
    if (gone.signal.aborted) return;
    refuse(context, exchange, error);
  } finally {
    end();
  }
}

/** The problem document of whatever was thrown; a server that goes away adds when to come back, spread over a few seconds. */
export function refusalOf({ gatekeeper }: EdgeContext, error: unknown): Reply {
  const refusal = problemOf(error);
  if (!gatekeeper.isShut || refusal.status !== 503) return refusal;
  const seconds = 1 + Math.floor(Math.random() * RETRY_AFTER_SPREAD);
  return { ...refusal, headers: { ...refusal.headers, 'retry-after': String(seconds) } };
}

/** A route that fails after it has answered is a defect too: there is nobody left to tell but the log. */
function refuse(context: EdgeContext, exchange: Exchange, error: unknown): void {
  const where = `${exchange.request.method} ${exchange.request.path}`;
  const refusal = refusalOf(context, error);
  if (refusal.status === 500) context.report(error, where);
  context.limitHits.note(error);
  try {
    reply(context, exchange, refusal);
  } catch (late) {
    context.report(late, where);
  }
}
