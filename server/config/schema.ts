import { z } from 'zod';
import { batchSchema } from './batch.js';
import { formatDuration } from './duration.js';
import { fetchSchema } from './fetch.js';
import { hostsSchema } from './hosts.js';
import { redisSchema } from './redis.js';
import * as scalar from './scalar.js';
import { sinkSchema } from './sink.js';
import { stateSchema } from './state.js';
import { transformSchema } from './transform.js';

const KIBI = 1024;
const MEBI = 1024 * KIBI;

/** Together below what the parsers of both loop policies take, so that what is refused is refused with a reason. */
const MAX_URL_BYTES = 16 * KIBI;
const MAX_HEADER_BYTES = 32 * KIBI;

const http = z.strictObject({
  /** The address to listen on. Default: this machine only. */
  host: scalar.text('a host name or address').default('127.0.0.1'),
  port: scalar.port().default(8080),
  /** Paths of PEM files. Absent: plain HTTP. */
  tls: z
    .strictObject({
      cert: scalar.text('the path of a PEM file'),
      key: scalar.text('the path of a PEM file'),
    })
    .optional(),
  /** Web origins besides the server's own whose pages may connect. */
  origins: z.array(scalar.origin()).default([]),
});

const tcpService = (port: number) =>
  z.strictObject({
    host: scalar.text('a host name or address').default('127.0.0.1'),
    port: scalar.port().default(port),
  });

/** Each of them off where it is absent. */
const tcp = z.strictObject({ echo: tcpService(7007).optional(), race: tcpService(7008).optional() });

/** In every one of them 0 means: no limit. */
const limits = z.strictObject({
  connections: scalar.count().default(20_000),
  connectionsPerAddress: scalar.count().default(0),
  subscriptionsPerConnection: scalar.count().default(100),
  messagesPerSecond: scalar.count().default(200),
  messageBytes: scalar.bytes(0).default(64 * KIBI),
  /** Of one token, over WebSocket and HTTP together. */
  publishesPerSecond: scalar.count().default(1_000),
  /** New WebSockets and event streams; more wait for their turn. */
  acceptPerSecond: scalar.count().default(5_000),
  /** Of a request's path and query. */
  urlBytes: scalar.integer(0, MAX_URL_BYTES, 'bytes').default(8 * KIBI),
  /** Of all headers of a request together. */
  headerBytes: scalar.integer(0, MAX_HEADER_BYTES, 'bytes').default(16 * KIBI),
  topics: scalar.count().default(10_000),
  /** What may wait for one slow connection, in bytes. */
  outboxBytes: scalar.bytes(0).default(MEBI),
  /** How long nothing may leave a full outbox, or a whole answer, in ms. */
  slowTimeout: scalar.duration(0).default(30_000),
});

const history = z.strictObject({
  /** Versions or events kept for resume. */
  count: scalar.count().default(256),
  bytes: scalar.bytes(0).default(MEBI),
});

const topic = z.strictObject({
  topic: scalar.topicPattern(),
  kind: scalar.oneOf('state', 'event').default('state'),
  history: history.prefault({}),
});

const source = z
  .strictObject({
    topic: scalar.topicPattern(),
    /** With `{parameters}` in the topic: regular expressions that they must match from end to end. Absent: any segment. */
    parameters: z.record(z.string(), scalar.segmentPattern()).optional(),
    /** With `{parameters}` in the topic: how many topics there may be at once. Default 1,000. */
    max: scalar.integer(1, Number.MAX_SAFE_INTEGER).optional(),
    /** From the start of one fetch to the start of the next, in ms. A file is watched besides. Absent where the source pushes. */
    every: scalar.interval(1).optional(),
    /** What its messages make: a value, or events, which only a source that pushes has. */
    kind: scalar.oneOf('state', 'event').default('state'),
    history: history.prefault({}),
    /** The longest interval, in ms: it grows up to this while nothing changes. Absent: it stays. */
    adaptive: scalar.interval(1).optional(),
    /** How old what is read may be before it is fetched anew, in ms. Absent: `every`. */
    maxAge: scalar.interval(1).optional(),
    /** `subscribed`: fetch only while somebody looks. */
    when: scalar.oneOf('subscribed', 'always').default('subscribed'),
    /** How long it goes on after the last subscriber left, in ms. */
    linger: scalar.interval(0).default(30_000),
    /** How to get the value. Exactly one of this and `batch`. */
    fetch: fetchSchema.optional(),
    /** One request for many of the topics that `{parameters}` stand for. */
    batch: batchSchema.optional(),
    /** Makes the topic's value out of what was fetched. */
    transform: transformSchema.optional(),
    /** Where every new value goes besides; a file, key or hash field among them makes a warm start. */
    sinks: z.array(sinkSchema).default([]),
  })
  .check(({ value, issues }) => {
    const { every, adaptive } = value;
    if (issues.length > 0 || adaptive === undefined || every === undefined || adaptive >= every) return;
    const message = `a duration no shorter than every, ${formatDuration(every)}`;
    issues.push({ code: 'custom', message, path: ['adaptive'], input: adaptive });
  });

/** The schema of the whole configuration: the one source of its types, defaults and checks. */
export const configSchema = z.strictObject({
  /** How bytes come and go; `auto`: uws where its binary loads. Absent: the installed policy, which is libuv unless code chose another. */
  loop: scalar.oneOf('libuv', 'uws', 'auto').optional(),
  http: http.prefault({}),
  tcp: tcp.prefault({}),
  redis: redisSchema.optional(),
  auth: z
    .strictObject({
      /** Who may publish: none, unless there are tokens. */
      publish: z.strictObject({ tokens: z.array(scalar.token()).default([]) }).prefault({}),
    })
    .prefault({}),
  limits: limits.prefault({}),
  hosts: hostsSchema,
  metrics: z
    .strictObject({
      /** Whether each topic has metrics of its own. */
      perTopic: scalar.flag().default(false),
    })
    .prefault({}),
  /** Keeps epochs, versions and history over a restart. Absent: memory only. */
  state: stateSchema.optional(),
  /** How long commits are gathered into one version, in ms; 0: until the next turn of the event loop. */
  flush: scalar.duration(0).default(0),
  /** Between signs of life on an idle connection, in ms. */
  heartbeat: scalar.duration(100).default(25_000),
  /** How long a stopping server may take to say goodbye, in ms. */
  drainTimeout: scalar.duration(0).default(10_000),
  topics: z.array(topic).default([]),
  sources: z.array(source).default([]),
});

/** A configuration, checked and with every default in place. Durations are milliseconds. It is a valid {@link ConfigInput} too. */
export type Config = z.output<typeof configSchema>;

/** A configuration as a person writes it. */
export type ConfigInput = z.input<typeof configSchema>;

/** One entry of `sources`, checked. */
export type SourceConfig = Config['sources'][number];

/** Types a configuration in a `.ts` or `.js` file: `export default defineConfig({ … })`. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
