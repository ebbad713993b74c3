import { HeadwaterError } from '../../shared/errors.js';

/** Where in a configuration: `['sources', 0, 'every']`. */
export type ConfigPath = readonly (string | number)[];

/** Something wrong in a configuration. */
export interface ConfigProblem {
  /** `sources[0].every`; empty for the configuration as a whole. */
  readonly path: string;
  /** Counted from 1; absent where the place is not known, as in a `.ts` file. */
  readonly line?: number;
  readonly column?: number;
  /** The variable or flag that said so, where it was not the file. */
  readonly setBy?: string;
  /** What is wrong: what stood there, what was expected, and the nearest valid name where there is one. */
  readonly message: string;
}

/** A configuration that does not hold: all of its problems at once. */
export class ConfigError extends HeadwaterError {
  readonly problems: readonly ConfigProblem[];

  /** `name` is the file, or what else the configuration came from. */
  constructor(name: string, problems: readonly ConfigProblem[]) {
    const ordered = problems.toSorted(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    );
    const count = ordered.length === 1 ? 'one problem' : `${ordered.length} problems`;
    const lines = ordered.map((problem) => `  ${describeProblem(problem)}`);
    super('config_invalid', [`${name} has ${count}:`, ...lines].join('\n'));
    this.problems = ordered;
  }
}

/** `line 7, sources[0].every: found 1, expected a duration` */
function describeProblem(problem: ConfigProblem): string {
  const where = [
    problem.setBy ?? (problem.line === undefined ? '' : `line ${problem.line}`),
    problem.path,
  ].filter((part) => part !== '');
  return where.length === 0 ? problem.message : `${where.join(', ')}: ${problem.message}`;
}

/** The text form of a path: `sources[0].fetch.headers["x-key"]`. */
export function formatPath(path: ConfigPath): string {
  return path
    .map((step, i) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[A-Za-z_]\w*$/.test(step)) return `[${JSON.stringify(step)}]`;
      return i === 0 ? step : `.${step}`;
    })
    .join('');
}

/** The value at a path; `undefined` where the path leads nowhere. */
export function valueAt(root: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((value, step) => {
    const isContainer = typeof value === 'object' && value !== null && Object.hasOwn(value, step);
    return isContainer ? (value as Record<string | number, unknown>)[step] : undefined;
  }, root);
}
