import type { Json } from '../../../shared/json.js';
import { credentialsOf } from '../../web/credentials.js';
import type { Conceal } from './conceal.js';
import { type Target, targetOf } from './exchange.js';

/** What a source sends. */
export interface Asking {
  /** `user:password@` in it becomes an `authorization` header. Never shown whole: it may hold secrets. */
  url: string;
  /** Default: POST where there is a body, GET where there is none. */
  method?: 'GET' | 'POST' | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** Text is sent as it is, as `text/plain` unless `headers` say otherwise; anything else as JSON. */
  body?: Json | undefined;
  /** Sends a GraphQL operation as a POST, in place of a body. */
  graphql?: { query: string; variables?: { readonly [name: string]: Json } | undefined } | undefined;
}

/** A request made ready once, to be sent many times. */
export interface Request {
  readonly target: Target;
  /** The URL without userinfo, query, fragment and what is concealed of its path: for messages. */
  readonly label: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const JSON_TYPE = 'application/json';

export function prepare(
  { url: text, method, headers = {}, body, graphql }: Asking,
  conceal: Conceal,
): Request {
  const url = new URL(text);
  const credentials = credentialsOf(url);
  url.username = '';
  url.password = '';
  // https://graphql.github.io/graphql-over-http/draft/, section 6: the type by which a server tells that it speaks GraphQL.
  const accept = graphql ? `application/graphql-response+json, ${JSON_TYPE}` : `${JSON_TYPE}, */*;q=0.5`;
  const sent = graphql ?? body;
  const content = sent === undefined || typeof sent === 'string' ? sent : JSON.stringify(sent);
  return {
    target: targetOf(url),
    label: `${url.origin}${conceal(url.pathname)}`,
    method: method ?? (sent === undefined ? 'GET' : 'POST'),
    headers: {
      accept,
      'accept-encoding': 'gzip, br',
      'user-agent': 'headwater',
      ...credentials,
      ...(sent !== undefined && { 'content-type': typeof sent === 'string' ? 'text/plain' : JSON_TYPE }),
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    },
    body: content,
  };
}
