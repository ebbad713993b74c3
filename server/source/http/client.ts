import { Agent, type Dispatcher } from 'undici';
import { exchange, type Question, type Reply } from './exchange.js';

/** The connections of one server to its upstreams, kept alive between fetches. */
export interface HttpClient {
  readonly dispatcher: Dispatcher;
  /** Cuts every connection, and resolves when none is left. */
  close(): Promise<void>;
}

/** The owner closes it, after the sources that use it. */
export function createHttpClient(): HttpClient {
  const dispatcher = new Agent({
    // One deadline, the source's own, covers the whole exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
    // As long as the slowest interval that a kept connection is worth waiting for.
    keepAliveTimeout: 30_000,
  });
  return { dispatcher, close: () => dispatcher.destroy() };
}

/** The whole answer to one request; a redirect is an answer too. */
export function ask({ dispatcher }: HttpClient, question: Question): Promise<Reply> {
  return exchange(dispatcher, question);
}
