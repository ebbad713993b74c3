import type { Finding } from './findings.js';
import { type ConfigPath, formatPath } from './problem.js';
import type { Written } from './redact.js';

/** The environment: `process.env`, or a test's own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration whose `${VARIABLES}` are filled in. */
export interface Expanded {
  readonly input: unknown;
  readonly written: Written;
  /** The variables that stand in it, by name; one that is not set is empty. */
  readonly used: ReadonlyMap<string, string>;
  readonly findings: readonly Finding[];
}

const VARIABLE = /\$?\$\{([^}]*)\}?/g;
const NAME = /^[A-Za-z_]\w*$/;

/**
 * Replaces `${NAME}` in every string by that variable of the environment; `$${` stands for `${` itself. A
 * variable that is not set, and a `${` that is none, are problems.
 */
export function expandVariables(input: unknown, environment: Environment): Expanded {
  const written = new Map<string, string>();
  const used = new Map<string, string>();
  const findings: Finding[] = [];

  function expandText(text: string, path: ConfigPath): string {
    let replaced = false;
    const expanded = text.replace(VARIABLE, (match, name: string) => {
      if (match.startsWith('$$')) return match.slice(1);
      replaced = true;
      used.set(name, environment[name] ?? '');
      if (!NAME.test(name) || !match.endsWith('}')) {
        const message = `found ${JSON.stringify(match)}, expected \${NAME} of an environment variable, or $\${ for a plain \${`;
        findings.push({ path, message });
      } else if (environment[name] === undefined) {
        findings.push({ path, message: `the environment variable ${name} is not set` });
      }
      return environment[name] ?? '';
    });
    if (replaced) written.set(formatPath(path), text);
    return expanded;
  }

  function expand(value: unknown, path: ConfigPath): unknown {
    if (typeof value === 'string') return expandText(value, path);
    if (Array.isArray(value)) return value.map((item, i) => expand(item, [...path, i]));
    if (!isPlainObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, expand(item, [...path, key])]),
    );
  }

  return { input: expand(input, []), written, used, findings };
}

/** Instances of classes, which only code can write, are left alone. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
