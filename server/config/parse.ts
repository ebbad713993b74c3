import { resolve } from 'node:path';
import { findBatchMisfits } from './batch.js';
import { beyondTheSchema, findingsOf, type Provenance } from './findings.js';
import { findOverlaps } from './overlaps.js';
import { ConfigError, type ConfigProblem, formatPath, valueAt } from './problem.js';
import { findRedisWithoutUrl } from './redis.js';
import { type Config, type ConfigInput, configSchema, type SourceConfig } from './schema.js';
import { findSharedSinks } from './sink.js';
import { findPushMisfits } from './stream.js';
import { findTemplateMistakes } from './template.js';

/**
 * Checks a configuration made in code and fills in its defaults. Relative paths are resolved against `baseDir`
 * (default: the working directory). A {@link Config} comes back as it is.
 *
 * @throws {ConfigError} with all of its problems.
 */
export function parseConfig(input: ConfigInput, baseDir = process.cwd()): Config {
  const provenance: Provenance = {
    written: (path) => valueAt(input, path),
    place: () => ({}),
    bareMilliseconds: true,
  };
  const { config, problems } = checkConfig(input, provenance);
  if (!config) throw new ConfigError('the configuration', problems);
  return resolvePaths(config, baseDir);
}

/** Checks anything at all; `config` is there when there are no problems. Paths in it are still relative. */
export function checkConfig(
  input: unknown,
  provenance: Provenance,
): { config?: Config; problems: ConfigProblem[] } {
  const result = configSchema.safeParse(input);
  const findings = [
    ...beyondTheSchema(input, provenance),
    ...(result.error?.issues ?? []).flatMap((issue) => findingsOf(issue, provenance, input)),
    ...findOverlaps(input),
    ...findRedisWithoutUrl(input),
    ...findSharedSinks(input),
    ...findPushMisfits(input),
    ...findBatchMisfits(input),
    ...findTemplateMistakes(input),
  ];
  // Two findings in one place are the same mistake seen twice; the more telling ones come first.
  const problems = new Map<string, ConfigProblem>();
  for (const { path, message } of findings) {
    const place = formatPath(path);
    if (problems.has(place)) continue;
    const told = asWritten(message, valueAt(input, path), provenance.written(path));
    problems.set(place, { ...provenance.place(path), path: place, message: told });
  }
  return result.success && problems.size === 0
    ? { config: result.data, problems: [] }
    : { problems: [...problems.values()] };
}

/** What came out of the environment is not shown. */
function asWritten(message: string, value: unknown, written: unknown): string {
  if (typeof value !== 'string' || typeof written !== 'string' || value === written) return message;
  return message.replaceAll(JSON.stringify(value), JSON.stringify(written));
}

/** Resolves the paths of files against the directory of the configuration. */
export function resolvePaths(config: Config, baseDir: string): Config {
  const { tls } = config.http;
  return {
    ...config,
    http: tls
      ? { ...config.http, tls: { cert: resolve(baseDir, tls.cert), key: resolve(baseDir, tls.key) } }
      : config.http,
    ...(config.state && { state: { dir: resolve(baseDir, config.state.dir) } }),
    sources: config.sources.map((source) => resolveSource(source, (path) => resolve(baseDir, path))),
  };
}

function resolveSource(source: SourceConfig, absolute: (path: string) => string): SourceConfig {
  const { fetch, transform, sinks } = source;
  return {
    ...source,
    fetch: typeof fetch === 'object' && 'file' in fetch ? { file: absolute(fetch.file) } : fetch,
    ...(typeof transform === 'object' && {
      transform: { ...transform, module: absolute(transform.module) },
    }),
    sinks: sinks.map((sink) => (sink.file === undefined ? sink : { file: absolute(sink.file) })),
  };
}
