import type { Clock } from '../../async/clock.js';
import type { HttpClient } from '../http/client.js';
import { type HttpSourceOptions, httpSource } from '../http/http.js';
import type { Source } from '../source.js';
import { raceSources, type StrategyOptions, strategySource } from './strategy.js';

/** URLs and how they make one value; `timeout`, `headers` and `maxBytes` go for each of them. */
export type HttpStrategyOptions = Omit<HttpSourceOptions, 'url'> &
  Omit<StrategyOptions, 'sources' | 'clock' | 'strategy'> &
  (
    | { url: string; urls?: never; strategy?: 'single' }
    | {
        url?: never;
        urls: readonly string[] | Readonly<Record<string, string>>;
        strategy: StrategyOptions['strategy'];
      }
  );

/** A source over HTTP. One URL of which nothing is asked needs no strategy. */
export function httpStrategy(client: HttpClient, options: HttpStrategyOptions, clock: Clock): Source {
  const { url, urls, strategy = 'single', accept, newer } = options;
  const source = (place: string) => httpSource(client, { ...options, url: place }, clock);
  const places = urls ?? [url];
  const race = (signal: AbortSignal) =>
    raceSources(Object.values(places).map(source), { accept, newer, clock, signal });
  if (url !== undefined && accept === undefined && newer === undefined) return { ...source(url), race };
  const sources = Array.isArray(places)
    ? places.map(source)
    : Object.fromEntries(Object.entries(places).map(([name, place]) => [name, source(place)]));
  return { ...strategySource({ ...options, strategy, sources, clock }), race };
}
