import type { Terms } from '../host/attempt.js';
import { SourceError } from '../source-error.js';
import { ask, type HttpClient } from './client.js';
import { type Question, type Reply, targetOf } from './exchange.js';

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * The answer to a question, after at most five redirects. They may not leave the host, nor https: the headers and the
 * body can carry credentials that are meant for it alone. Which of them turn a POST into a GET is RFC 9110's
 * section 15.4: 303, and by long habit 301 and 302.
 */
export function answer(client: HttpClient, question: Question, terms: Terms): Promise<Reply> {
  return followRedirects(question, (asked) => ask(client, asked, terms));
}

/** The same, however the questions are asked. */
export async function followRedirects<R extends Pick<Reply, 'status' | 'fields'>>(
  question: Question,
  send: (question: Question) => Promise<R>,
): Promise<R> {
  let reply = await send(question);
  if (!REDIRECTS.has(reply.status)) return reply;
  const visited = new Set([placeOf(question)]);
  let asked = question;
  do {
    asked = redirected(asked, reply, visited);
    reply = await send(asked);
  } while (REDIRECTS.has(reply.status));
  return reply;
}

function redirected(
  question: Question,
  { status, fields }: Pick<Reply, 'status' | 'fields'>,
  visited: Set<string>,
): Question {
  const { label, target, method } = question;
  const { url } = target;
  const { location } = fields;
  const next = typeof location === 'string' && URL.canParse(location, url) && new URL(location, url);
  if (!next) throw new SourceError(`${label} redirected without saying where to`);
  next.hash = '';
  if (next.host !== url.host) throw new SourceError(`${label} redirected to another host, ${next.host}`);
  if (next.protocol !== url.protocol && next.protocol !== 'https:') {
    throw new SourceError(`${label} redirected from https to ${next.protocol.slice(0, -1)}`);
  }
  const there = status < 307 && method !== 'GET' ? asGet(question) : question;
  const redirect = { ...there, target: targetOf(next) };
  if (visited.has(placeOf(redirect))) throw new SourceError(`${label} redirected in a circle`);
  if (visited.size > MAX_REDIRECTS) {
    throw new SourceError(`${label} redirected more than ${MAX_REDIRECTS} times`);
  }
  visited.add(placeOf(redirect));
  return redirect;
}

/** A POST may be answered by a redirect to a GET of the same URL. */
function placeOf({ method, target }: Question): string {
  return `${method} ${target.url.href}`;
}

function asGet({ headers, ...question }: Question): Question {
  const { 'content-type': _, ...others } = headers;
  return { ...question, method: 'GET', headers: others, body: undefined };
}
