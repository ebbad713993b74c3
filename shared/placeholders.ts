/** A text that has places for parameters: literals and the names of parameters, in turn, beginning and ending with a literal. */
export type Template = readonly string[];

const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_]*)\}/;

/** Takes a text apart at its `{parameters}`: `a{b}c` gives `['a', 'b', 'c']`. Those that are not among `names` stay literal. */
export function splitTemplate(text: string, names: readonly string[]): Template {
  const parts: string[] = [''];
  for (const [i, part] of text.split(PLACEHOLDER).entries()) {
    if (i % 2 === 1 && names.includes(part)) parts.push(part, '');
    else parts[parts.length - 1] += i % 2 === 1 ? `{${part}}` : part;
  }
  return parts;
}

/** The names in all `{parameters}` of a text, in order. */
export function placeholdersIn(text: string): string[] {
  return text.split(PLACEHOLDER).filter((_, i) => i % 2 === 1);
}

/** Puts a text together again, with what `fill` gives for each parameter. */
export function joinTemplate(template: Template, fill: (name: string) => string): string {
  return template.map((part, i) => (i % 2 === 1 ? fill(part) : part)).join('');
}

/** Where in a URL something stands. `origin`: before the path: scheme, user, host or port. */
export type UrlPlace = 'origin' | 'path' | 'query' | 'fragment';

/** Where in a URL the parameter at an index of its template stands (WHATWG URL, 4.4: `\` counts as `/`). */
export function urlPlaceOf(template: Template, index: number): UrlPlace {
  const before = template.slice(0, index).join('');
  if (!/^https?:\/\/[^/?#\\]+[/?#\\]/i.test(before)) return 'origin';
  if (before.includes('#')) return 'fragment';
  return before.includes('?') ? 'query' : 'path';
}
