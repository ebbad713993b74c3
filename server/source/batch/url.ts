import { joinTemplate, splitTemplate } from '../../../shared/placeholders.js';
import { encodeStrictly, urlFill } from '../template/fill-url.js';
import type { Parameters } from '../template/instance.js';

/** What HTTP asks every recipient to support at least (RFC 9110, section 4.1); many refuse what is longer. */
export const URL_BYTES = 8_000;

/** A URL that asks for many names at once. */
export interface BatchUrl {
  /** How long it is without any name. */
  readonly bytes: number;
  /** By how much a name makes it longer. */
  bytesOf(name: string): number;
  with(names: readonly string[]): string;
}

export interface BatchUrlOptions {
  /** `https://api.example/{market}/prices?symbols={symbol}` */
  template: string;
  /** Where in it the names go: `symbol`. */
  parameter: string;
  /** What stands for its other parameters: `{ market: 'xnas' }`. */
  others: Parameters;
  /** What goes between two names, as it is. */
  join: string;
}

/** Every value is percent-encoded, so none can reach beyond its place. */
export function batchUrl({ template, parameter, others, join }: BatchUrlOptions): BatchUrl {
  const text = urlFill(template, Object.keys(others))?.(others) ?? template;
  const places = splitTemplate(text, [parameter]);
  const { href } = new URL(joinTemplate(places, () => ''));
  const joinBytes = encodeURI(join).length;
  const count = (places.length - 1) / 2;
  return {
    bytes: href.length,
    bytesOf: (name) => (encodeStrictly(name).length + joinBytes) * count,
    with(names) {
      const joined = names.map(encodeStrictly).join(join);
      return joinTemplate(places, () => joined);
    },
  };
}
