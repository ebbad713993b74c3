import { joinTemplate, splitTemplate } from '../../../shared/placeholders.js';
import { SourceError } from '../source-error.js';
import { encodeStrictly, urlFill } from './fill-url.js';
import type { Parameters } from './instance.js';

/** Makes one instance's own of what is configured; `undefined` where there is nothing of its own in it. */
type Filler<T> = ((parameters: Parameters) => T) | undefined;
/** Prepares a text with the parameters `names`. */
type Leaf = (text: string, names: readonly string[]) => Filler<string>;

/**
 * Makes the `fetch`, or a sink, of an instance from that of its template, whose parameters are called `names`. What is
 * alike in all instances is shared by them.
 *
 * @throws {TypeError} for a URL with a parameter elsewhere than in its path and query; what it returns, a {@link SourceError}
 *   for parameters that cannot stand where they should
 */
export function fetchFill<T extends object>(
  fetch: T,
  names: readonly string[],
): (parameters: Parameters) => T {
  const fill = membersFill(fetch, (key, member) => memberFill(key, member, names));
  return fill ?? (() => fetch);
}

/** What is not named here is the same for all instances. */
function memberFill(key: string, member: unknown, names: readonly string[]): Filler<unknown> {
  const within = (leaf: Leaf) => deepFill(member, (text) => leaf(text, names));
  switch (key) {
    case 'url':
    case 'urls':
    case 'stream':
      return within(urlFill);
    case 'headers':
      return within(headerFill);
    case 'body':
      return within(textFill);
    case 'graphql':
      // In the query a brace begins a selection.
      return partFill(member, ['variables'], (text) => textFill(text, names));
    case 'file':
      return within(nameFill);
    case 'redis':
      return partFill(member, ['key', 'hash', 'field', 'stream', 'channel'], (text) => nameFill(text, names));
    default:
      return undefined;
  }
}

function partFill(
  member: unknown,
  keys: readonly string[],
  leaf: (text: string) => Filler<string>,
): Filler<unknown> {
  if (typeof member !== 'object' || member === null) return undefined;
  return membersFill(member, (key, part) => (keys.includes(key) ? deepFill(part, leaf) : undefined));
}

function deepFill(value: unknown, leaf: (text: string) => Filler<string>): Filler<unknown> {
  if (typeof value === 'string') return leaf(value);
  if (typeof value !== 'object' || value === null) return undefined;
  return membersFill(value, (_key, member) => deepFill(member, leaf));
}

function membersFill<T extends object>(
  container: T,
  fillOf: (key: string, member: unknown) => Filler<unknown>,
): Filler<T> {
  const fills = Object.entries(container).flatMap(([key, member]) => {
    const fill = fillOf(key, member);
    return fill ? [{ key, fill }] : [];
  });
  if (fills.length === 0) return undefined;
  return (parameters) => {
    const own = (Array.isArray(container) ? [...container] : { ...container }) as Record<string, unknown>;
    for (const { key, fill } of fills) own[key] = fill(parameters);
    return own as T;
  };
}

/** As it is. */
function textFill(text: string, names: readonly string[]): Filler<string> {
  const template = splitTemplate(text, names);
  if (template.length === 1) return undefined;
  return (parameters) => joinTemplate(template, (name) => parameters[name]!);
}

/** The value of a header (RFC 9110, section 5.5). */
function headerFill(text: string, names: readonly string[]): Filler<string> {
  const fill = textFill(text, names);
  return (
    fill &&
    ((parameters) => {
      const filled = fill(parameters);
      if (/^[\t\x20-\x7e\x80-\xff]*$/.test(filled)) return filled;
      throw new SourceError('a parameter cannot be put into a header: it has characters that none may have');
    })
  );
}

/**
 * A path of a file, or the name of something in Redis. Percent-encoded, so that a parameter leads to no other folder
 * and no other part of a name, and different parameters to different places.
 */
function nameFill(text: string, names: readonly string[]): Filler<string> {
  const template = splitTemplate(text, names);
  if (template.length === 1) return undefined;
  return (parameters) =>
    joinTemplate(template, (name) => encodeStrictly(parameters[name]!).replace(/^\./, '%2E'));
}
