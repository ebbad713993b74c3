import { Agent, type Dispatcher } from 'undici';
import { type Clock, systemClock } from '../../async/clock.js';
import { attempt, type Terms } from '../host/attempt.js';
import { createHosts, type HostLimits, type Hosts } from '../host/hosts.js';
import type { Conceal } from './conceal.js';
import { exchange, type Question, type Reply } from './exchange.js';

/** The connections of one server to its upstreams, kept alive between fetches, and what it knows about their hosts. */
export interface HttpClient {
  readonly dispatcher: Dispatcher;
  readonly hosts: Hosts;
  /** What its users show of the path of a URL. */
  readonly conceal: Conceal;
  /** Cuts every connection, and resolves when none is left. */
  close(): Promise<void>;
}

export interface HttpClientOptions {
  clock?: Clock;
  /** By host, or host and port; see {@link createHosts}. */
  hosts?: Readonly<Record<string, HostLimits>>;
  /** Default: paths are shown as they are. */
  conceal?: Conceal;
}

/** The owner closes it, after the sources that use it. */
export function createHttpClient({
  clock = systemClock,
  hosts,
  conceal = (path) => path,
}: HttpClientOptions = {}): HttpClient {
  const dispatcher = new Agent({
    // One deadline, the source's own, covers the whole exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
    // As long as the slowest interval that a kept connection is worth waiting for.
    keepAliveTimeout: 30_000,
  });
  return { dispatcher, hosts: createHosts(clock, hosts), conceal, close: () => dispatcher.destroy() };
}

/** The whole answer to one request, sent when its host's turn comes; a redirect is an answer too. */
export function ask({ dispatcher, hosts }: HttpClient, question: Question, terms: Terms): Promise<Reply> {
  return attempt(hosts.at(question.target.origin), terms, () =>
    exchange(dispatcher, question, terms.deadline),
  );
}
