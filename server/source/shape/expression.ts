import jsonata from 'jsonata';
import type { Json } from '../../../shared/json.js';
import { copyJson } from '../json-value.js';
import { SourceError } from '../source-error.js';
import { NothingSelected } from './nothing.js';

/**
 * An expression holds up the event loop while it runs, so it is stopped after so many ms, and where calls nest too
 * deep or one step gives too many values. Checked between the steps of the expression: one call of a function that
 * JSONata brings along, such as a match of a regular expression, runs to its end.
 */
const LIMITS = { timeout: 1_000, stack: 1_000, sequence: 1_000_000 };
const SHOWN_CHARACTERS = 120;

/**
 * What a JSONata expression makes of a value, which must be nobody else's: JSONata may mark the lists in it.
 * @throws whatever JSONata throws at an expression that is none
 */
export function createExpression(text: string): (value: Json, label: string) => Promise<Json> {
  const expression = jsonata(text, LIMITS);
  return async (value, label) => {
    let made: unknown;
    try {
      made = await expression.evaluate(value);
    } catch (cause) {
      throw new SourceError(`${label} answered what select fails on: ${reasonOf(cause)}`, { cause });
    }
    if (made === undefined) throw new NothingSelected(`${label} answered what select makes nothing of`);
    // Its lists carry properties of JSONata's own, and it may be a function.
    return copyJson(made, `the select of ${label}`);
  };
}

/** Codes of JSONata whose message quotes a limit of its own; all others quote what came from the upstream. */
const OF_LIMITS = new Set(['D2014', 'D2015']);

/** Why it failed, without what the upstream sent: clients are shown this. */
function reasonOf(thrown: unknown): string {
  const { code, message, ...details } = thrown as { code?: string; message?: unknown };
  if (code === 'D1012') return `it takes longer than ${LIMITS.timeout} ms`;
  let text = String(message ?? code).replace(/\s+/g, ' ');
  if (!OF_LIMITS.has(code ?? '')) text = withoutQuotes(text, details);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 3)}...` : text;
}

/** JSONata quotes values as JSON. */
function withoutQuotes(text: string, { value, value2, exp }: Record<string, unknown>): string {
  return [value, value2, exp]
    .map((quoted) => JSON.stringify(quoted)?.replace(/\s+/g, ' '))
    .reduce<string>((rest, quoted) => (quoted ? rest.replaceAll(quoted, '(a value)') : rest), text);
}
