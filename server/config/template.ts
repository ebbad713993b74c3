import { placeholdersIn, splitTemplate, urlPlaceOf } from '../../shared/placeholders.js';
import { isTopicPattern, parametersOf } from '../../shared/topic-pattern.js';
import type { Finding } from './findings.js';
import type { ConfigPath } from './problem.js';

/** How many topics a source with `{parameters}` serves at once, where `max` does not say otherwise. */
export const MAX_INSTANCES = 1_000;

/** An entry of `sources` as it was written: nothing of it has been checked yet. */
interface SourceShape {
  topic?: unknown;
  parameters?: unknown;
  max?: unknown;
  when?: unknown;
  fetch?: unknown;
  batch?: unknown;
  sinks?: unknown;
}

/** A text in which parameters may stand. */
interface Place {
  readonly path: ConfigPath;
  readonly text: string;
  readonly isUrl: boolean;
}

/**
 * Finds what does not fit together in sources with `{parameters}`, in a configuration as it was written; what has the
 * wrong shape is somebody else's finding and skipped here.
 */
export function findTemplateMistakes(input: unknown): Finding[] {
  const sources = (input as { sources?: unknown } | null | undefined)?.sources;
  if (!Array.isArray(sources)) return [];
  return sources.flatMap((source: SourceShape | null, index) => {
    const topic = source?.topic;
    if (!source || typeof topic !== 'string' || !isTopicPattern(topic)) return [];
    const names = parametersOf(topic);
    const at = (...path: ConfigPath): ConfigPath => ['sources', index, ...path];
    return [
      ...names
        .filter((name, i) => names.indexOf(name) < i)
        .map((name) => ({
          path: at('topic'),
          message: `found {${name}} twice in ${JSON.stringify(topic)}, expected each parameter once`,
        })),
      ...keysOutOfPlace(source, names, at),
      ...placesOf(source, at).flatMap((place) => misplaced(place, names)),
      ...unused(source, names, at),
      ...sharedSinks(source, names, at),
    ];
  });
}

type At = (...path: ConfigPath) => ConfigPath;

function keysOutOfPlace({ parameters, max, when }: SourceShape, names: readonly string[], at: At): Finding[] {
  const found: Finding[] = [];
  const expected = names.length === 0 ? 'none: the topic has no parameters' : `one of ${names.join(', ')}`;
  for (const name of Object.keys(isObject(parameters) ? parameters : {})) {
    if (!names.includes(name)) {
      found.push({
        path: at('parameters', name),
        message: `found the parameter ${JSON.stringify(name)}, expected ${expected}`,
      });
    }
  }
  if (names.length === 0 && max !== undefined) {
    found.push({
      path: at('max'),
      message: `found ${String(max)}, expected none: the topic has no parameters`,
    });
  }
  if (names.length > 0 && when === 'always') {
    found.push({
      path: at('when'),
      message: 'found "always", expected subscribed: a topic with parameters begins when it is asked for',
    });
  }
  return found;
}

/** A parameter that the topic lacks, or that stands where it could lead a request to another host. */
function misplaced({ path, text, isUrl }: Place, names: readonly string[]): Finding[] {
  const shown = JSON.stringify(text);
  if (isUrl) {
    const unknown = placeholdersIn(text).find((name) => !names.includes(name));
    if (unknown !== undefined) {
      const expected =
        names.length === 0
          ? 'no parameters: the topic has none'
          : `only {${names.join('}, {')}}, which the topic has`;
      return [{ path, message: `found {${unknown}} in ${shown}, expected ${expected}` }];
    }
  }
  const template = splitTemplate(text, names);
  if (!isUrl || template.length === 1) return [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a URL parser leaves them out, which moves what follows.
  if (/[\x00-\x20]/.test(text)) {
    return [{ path, message: `found ${shown}, expected a URL without spaces and line breaks` }];
  }
  for (let i = 1; i < template.length; i += 2) {
    const place = urlPlaceOf(template, i);
    const parameter = `{${template[i]}}`;
    if (place === 'origin' || place === 'fragment') {
      const where = place === 'origin' ? 'before the path' : 'in the fragment';
      return [
        { path, message: `found ${parameter} ${where} of ${shown}, expected it in the path or the query` },
      ];
    }
    if (/%[0-9a-f]?$/i.test(template[i - 1]!)) {
      return [
        { path, message: `found ${parameter} after a "%" in ${shown}, expected no part of a percent-escape` },
      ];
    }
  }
  return [];
}

function unused({ fetch, batch, ...source }: SourceShape, names: readonly string[], at: At): Finding[] {
  if (names.length === 0 || typeof fetch === 'function' || (fetch ?? batch) === undefined) return [];
  const used = placesOf({ ...source, fetch, batch }, at).flatMap(({ text }) => placeholdersIn(text));
  const idle = names.find((name) => !used.includes(name));
  if (idle === undefined) return [];
  const message = `found the parameter {${idle}}, which nothing uses, expected it in a URL, header, body, key or file of ${fetch === undefined ? 'batch' : 'fetch'}`;
  return [{ path: at('topic'), message }];
}

/** Instances must not write to one place, and no two of them may make the same name out of different parameters. */
function sharedSinks({ sinks }: SourceShape, names: readonly string[], at: At): Finding[] {
  if (names.length === 0 || !Array.isArray(sinks)) return [];
  return sinks.flatMap((sink: unknown, index): Finding[] => {
    if (!isObject(sink)) return [];
    const texts = textsIn([sink.file, isObject(sink.redis) ? { ...sink.redis, url: undefined } : undefined]);
    const missing = names.find((name) => !texts.some((text) => placeholdersIn(text).includes(name)));
    const path = at('sinks', index);
    if (texts.length > 0 && missing !== undefined) {
      return [
        { path, message: `found a place without {${missing}}, expected one of its own for each topic` },
      ];
    }
    const joined = texts.find((text) => {
      const template = splitTemplate(text, names);
      return template.some(
        (part, i) => i > 0 && i < template.length - 1 && i % 2 === 0 && !/[^\w.~%-]/.test(part),
      );
    });
    if (joined === undefined) return [];
    const message = `found ${JSON.stringify(joined)}, expected something that no parameter has between two of them, such as "/" or ":"`;
    return [{ path, message }];
  });
}

/** The texts of `fetch` or `batch` that are filled for each instance. */
function placesOf({ fetch, batch }: SourceShape, at: At): Place[] {
  if (typeof fetch === 'string') return [{ path: at('fetch'), text: fetch, isUrl: true }];
  return [
    ...(isObject(fetch) ? placesIn(fetch, at('fetch')) : []),
    ...(isObject(batch) ? placesIn(batch, at('batch')) : []),
  ];
}

function placesIn(
  { url, urls, stream, headers, body, graphql, file, redis }: Record<string, unknown>,
  at: ConfigPath,
): Place[] {
  const variables = isObject(graphql) ? graphql.variables : undefined;
  const names = isObject(redis) ? { ...redis, url: undefined } : undefined;
  return [
    ...within({ url, urls, stream }, at).map((place) => ({ ...place, isUrl: true })),
    ...within({ headers, body, file, redis: names, graphql: { variables } }, at),
  ];
}

function within(value: unknown, path: ConfigPath): Place[] {
  if (typeof value === 'string') return [{ path, text: value, isUrl: false }];
  if (Array.isArray(value)) return value.flatMap((item, i) => within(item, [...path, i]));
  return isObject(value) ? Object.entries(value).flatMap(([key, item]) => within(item, [...path, key])) : [];
}

function textsIn(value: unknown): string[] {
  return within(value, []).map(({ text }) => text);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
