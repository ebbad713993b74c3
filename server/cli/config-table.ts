import { hasParameters } from '../../shared/topic-pattern.js';
import { formatDuration } from '../config/duration.js';
import type { Config, SourceConfig } from '../config/schema.js';
import { MAX_INSTANCES } from '../config/template.js';

/** What a (redacted) configuration would run, as text for a terminal. */
export function describeConfig(config: Config): string {
  return [settings(config), sources(config), topics(config)].filter((part) => part !== '').join('\n\n');
}

function settings({ loop, redis, state, http, tcp, auth, limits, metrics, ...times }: Config): string {
  const scheme = http.tls ? 'https' : 'http';
  const { tokens } = auth.publish;
  return table([
    ['loop', loop ?? 'libuv'],
    ['redis', redis?.url ?? 'none'],
    ['state', state?.dir ?? 'in memory only'],
    ['http', `${scheme}://${http.host}:${http.port}`],
    ['origins', http.origins.length > 0 ? http.origins.join(' ') : 'only its own'],
    ['echo', tcpText(tcp.echo)],
    ['race', tcpText(tcp.race)],
    ['publishing', tokens.length > 0 ? `with a token (${tokens.length} configured)` : 'off: no tokens'],
    ['metrics of topics', metrics.perTopic ? 'each of its own' : 'together'],
    ['flush', times.flush === 0 ? 'every turn of the event loop' : `every ${formatDuration(times.flush)}`],
    ['heartbeat', formatDuration(times.heartbeat)],
    ['drain timeout', formatDuration(times.drainTimeout)],
    ...Object.entries(limits).map(([name, value]): [string, string] => [
      `limit ${name}`,
      limitText(name, value),
    ]),
  ]);
}

function tcpText(service: { host: string; port: number } | undefined): string {
  return service ? `tcp://${service.host}:${service.port}` : 'off';
}

function limitText(name: string, value: number): string {
  if (value === 0) return 'none';
  return name === 'slowTimeout' ? formatDuration(value) : String(value);
}

function sources({ sources: list }: Config): string {
  if (list.length === 0) return '';
  return table([
    ['SOURCE', 'EVERY', 'WHEN', 'FETCH, TRANSFORM AND SINKS'],
    ...list.map((source) => [
      topicText(source),
      source.every === undefined ? 'as it comes' : formatDuration(source.every),
      source.when,
      [fetchText(source), ...transformText(source), ...source.sinks.map(sinkText)].join(' > '),
    ]),
  ]);
}

/** With `{parameters}`: and how many there may be. */
function topicText({ topic, max }: SourceConfig): string {
  return hasParameters(topic) ? `${topic} (at most ${max ?? MAX_INSTANCES})` : topic;
}

function fetchText({ fetch, batch }: SourceConfig): string {
  if (batch) return `batches of ${batch.max} from ${requestText(batch.url, batch)}`;
  if (typeof fetch !== 'object') return 'a function';
  if ('system' in fetch) return "this machine's vital signs";
  if ('file' in fetch) return fetch.file;
  if ('redis' in fetch) return redisText(fetch.redis);
  if ('stream' in fetch) return streamText(fetch);
  const place = 'url' in fetch ? fetch.url : `${fetch.strategy} of ${Object.values(fetch.urls).join(' ')}`;
  return requestText(place, fetch);
}

function requestText(
  place: string,
  { timeout, headers, maxBytes }: { timeout: number; headers: Record<string, string>; maxBytes: number },
): string {
  const names = Object.keys(headers);
  const named = names.length > 0 ? `, headers ${names.join(' ')}` : '';
  return `${place} (timeout ${formatDuration(timeout)}, at most ${maxBytes} bytes${named})`;
}

function streamText({
  stream,
  format,
  idle,
  headers,
}: Extract<SourceConfig['fetch'], { stream: string }>): string {
  const names = Object.keys(headers);
  const details = [
    format ?? 'a stream',
    ...(idle === undefined ? [] : [`dead after ${formatDuration(idle)}`]),
    ...(names.length > 0 ? [`headers ${names.join(' ')}`] : []),
  ];
  return `${stream} (${details.join(', ')})`;
}

function transformText({ transform }: SourceConfig): string[] {
  if (transform === undefined) return [];
  return typeof transform === 'object' ? [`${transform.module} (${transform.run})`] : ['a function'];
}

function sinkText({ file, redis }: SourceConfig['sinks'][number]): string {
  return redis ? redisText(redis) : file!;
}

function redisText({ url, ...place }: { readonly [part: string]: string | number | undefined }): string {
  const parts = Object.entries(place).map(([part, name]) => `${part} ${name}`);
  return `redis ${parts.join(' ')}${url === undefined ? '' : ` at ${url}`}`;
}

function topics({ topics: list }: Config): string {
  if (list.length === 0) return '';
  return table([
    ['PUBLISHED TOPIC', 'KIND', 'HISTORY'],
    ...list.map(({ topic, kind, history }) => [topic, kind, `${history.count}, ${history.bytes} bytes`]),
  ]);
}

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
