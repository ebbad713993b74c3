import { HeadwaterError } from '../../shared/errors.js';
import type { EdgeContext } from './context.js';
import { type Exchange, reply } from './exchange.js';

/** `GET /race/{source}`: races the source's URLs now, and answers with the winner (PROTOCOL section 3). */
export async function showRace(context: EdgeContext, exchange: Exchange, topic: string): Promise<void> {
  if (!context.origins.allows(exchange.request)) {
    throw new HeadwaterError('forbidden', 'this page may not race: list its origin under http.origins');
  }
  const body = await context.races.run(topic, exchange.gone);
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  reply(context, exchange, { status: 200, headers, body });
}
