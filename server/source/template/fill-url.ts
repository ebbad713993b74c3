import { joinTemplate, splitTemplate, urlPlaceOf } from '../../../shared/placeholders.js';
import { SourceError } from '../source-error.js';
import type { Parameters } from './instance.js';

/** A segment that a URL folds away, in any spelling (WHATWG URL, 4.1). */
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;

/** Percent-encodes all but the unreserved characters (RFC 3986, 2.3). @throws {URIError} for a lone surrogate */
export function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * Fills the parameters `names` into the path and query of a URL, percent-encoded. Whatever they stand for, the URL keeps
 * its origin, its user and the number of its segments; where it would not, filling throws a {@link SourceError}.
 * `undefined` for a URL without parameters.
 *
 * @throws {TypeError} for a URL whose parameters stand elsewhere
 */
export function urlFill(
  url: string,
  names: readonly string[],
): ((parameters: Parameters) => string) | undefined {
  const template = splitTemplate(url, names);
  if (template.length === 1) return undefined;
  const places = template.map((_, i) => (i % 2 === 1 ? urlPlaceOf(template, i) : undefined));
  if (places.some((place) => place === 'origin' || place === 'fragment')) {
    throw new TypeError('A parameter may stand only in the path and the query of a URL.');
  }
  const sample = joinTemplate(template, () => 'x');
  const expected = shapeOf(sample);
  const literal = segmentsOf(sample);

  return (parameters) => {
    const filled = joinTemplate(template, (name) => encoded(name, parameters[name]!));
    const folded = segmentsOf(filled).some(
      (segment, i) => DOT_SEGMENT.test(segment) && segment !== literal[i],
    );
    if (folded || shapeOf(filled) !== expected) {
      throw new SourceError('a parameter would lead to another place than the URL that is configured');
    }
    return filled;
  };
}

function encoded(name: string, value: string): string {
  try {
    return encodeStrictly(value);
  } catch (cause) {
    throw new SourceError(`the parameter ${name} cannot be put into a URL: it is no well-formed text`, {
      cause,
    });
  }
}

/** The segments of the path, as they were written. */
function segmentsOf(url: string): string[] {
  return url.split(/[?#]/, 1)[0]!.split(/[/\\]/);
}

/** What parameters must not change. */
function shapeOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { origin, username, password, pathname, search, hash } = new URL(text);
  return JSON.stringify([origin, username, password, pathname.split('/').length, search !== '', hash]);
}
