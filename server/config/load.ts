import { access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../../shared/errors.js';
import { DEMO_CONFIG } from './demo.js';
import { describeUnknownVariable, type Override, readEnvironment, withOverride } from './environment.js';
import { type ConfigFile, findConfigFile, readConfigFile } from './file.js';
import type { Finding, Provenance } from './findings.js';
import { checkConfig, resolvePaths } from './parse.js';
import { ConfigError, type ConfigPath, type ConfigProblem, formatPath, valueAt } from './problem.js';
import type { Written } from './redact.js';
import type { Config } from './schema.js';
import { type Environment, expandVariables } from './variables.js';

export interface LoadOptions {
  /** The file to read. Default: the `headwater.config.*` of the directory, or the built-in demo if it has none. */
  file?: string | undefined;
  /** Default: the working directory. */
  directory?: string;
  /** Default: `process.env`. */
  environment?: Environment;
  /** What the command line sets, over the environment, over the file. */
  flags?: readonly Override[];
  /** Finds what only trying can tell, in a configuration that is right as far as reading it tells. */
  tryOut?: (config: Config) => Promise<readonly Finding[]>;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where it came from, for people: the name of a file, or `the built-in demo`. */
  readonly name: string;
  /** Whether there was no file. */
  readonly isDemo: boolean;
  /** What is odd but no error. */
  readonly warnings: readonly string[];
  /** What came from the environment, as it was written: for showing the configuration. */
  readonly written: Written;
  /** The variables of the environment that stand in it, by name. */
  readonly variables: ReadonlyMap<string, string>;
}

const DEMO: ConfigFile = {
  name: 'the built-in demo',
  isCode: true,
  input: DEMO_CONFIG,
  locate: () => undefined,
};

/**
 * Loads the configuration: the file, `HEADWATER_*` variables over it, flags over both; `${NAME}` in its strings
 * comes from the environment, and relative paths start at the file.
 *
 * @throws {ConfigError} (`config_invalid`) with all problems at once; {@link HeadwaterError} `config_unreadable`.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const { directory = process.cwd(), environment = process.env, flags = [] } = options;
  const path = options.file ? resolve(directory, options.file) : await findConfigFile(directory);
  const file = path ? await readConfigFile(path, directory) : DEMO;

  const expanded = expandVariables(file.input ?? {}, environment);
  const fromEnvironment = readEnvironment(environment);
  const overrides = [...fromEnvironment.overrides, ...flags];
  const input = overrides.reduce(withOverride, expanded.input);
  const provenance = provenanceOf(file, overrides, input);

  const { config, problems } = checkConfig(input, provenance);
  const unset = expanded.findings.map(({ path: at, message }) => locate(provenance, at, message));
  if (!config || unset.length > 0) {
    const places = new Set(unset.map((problem) => problem.path));
    throw new ConfigError(file.name, [...unset, ...problems.filter((problem) => !places.has(problem.path))]);
  }
  const resolved = resolvePaths(config, path ? dirname(path) : directory);
  const missing = await missingFiles(resolved, provenance);
  if (missing.length > 0) throw new ConfigError(file.name, missing);
  const tried = (await options.tryOut?.(resolved)) ?? [];
  if (tried.length > 0) {
    const broken = tried.map(({ path: at, message }) => locate(provenance, at, message));
    throw new ConfigError(file.name, broken);
  }

  const written = new Map(expanded.written);
  for (const override of overrides) written.delete(formatPath(override.path));
  const unknown = fromEnvironment.unknown.filter((name) => !expanded.used.has(name));
  return {
    config: resolved,
    name: file.name,
    isDemo: path === undefined,
    warnings: [...unknown.map(describeUnknownVariable), ...nothingToServe(resolved)],
    written,
    variables: expanded.used,
  };
}

function provenanceOf(file: ConfigFile, overrides: readonly Override[], input: unknown): Provenance {
  /** The last one to set a value wins: a flag over a variable. */
  const overrideOf = (path: ConfigPath) =>
    overrides.findLast((override) => override.path.every((step, i) => step === path[i]));
  return {
    written: (path) => valueAt(overrideOf(path) ? input : file.input, path),
    place: (path) => {
      const override = overrideOf(path);
      return override ? { setBy: override.setBy } : { ...file.locate(path) };
    },
    bareMilliseconds: file.isCode,
  };
}

function locate(provenance: Provenance, path: ConfigPath, message: string): ConfigProblem {
  return { ...provenance.place(path), path: formatPath(path), message };
}

/** TLS cannot begin without its files; a data file may appear later. */
async function missingFiles(config: Config, provenance: Provenance): Promise<ConfigProblem[]> {
  const { tls } = config.http;
  const problems: ConfigProblem[] = [];
  for (const key of ['cert', 'key'] as const) {
    if (!tls) break;
    try {
      await access(tls[key], constants.R_OK);
    } catch (error) {
      const message = `found ${JSON.stringify(tls[key])}, expected the path of a PEM file: ${messageOf(error)}`;
      problems.push(locate(provenance, ['http', 'tls', key], message));
    }
  }
  return problems;
}

function nothingToServe(config: Config): string[] {
  const topics = config.topics.length + config.sources.length;
  return topics === 0 && !config.tcp.echo
    ? ['there is nothing to serve: no sources, no topics, no echo']
    : [];
}
