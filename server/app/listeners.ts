import type { Config } from '../config/schema.js';
import { type EchoListener, type EchoOptions, serveEcho } from '../edge/echo.js';
import { type RaceListener, serveRace } from '../edge/race-service.js';
import type {
  DefectReporter,
  HttpHandlers,
  HttpListenOptions,
  Listener,
  LoopPolicy,
} from '../loop/policy.js';

/** Where the server listens. */
export interface BoundListener {
  readonly name: 'http' | 'echo' | 'race';
  /** `http://127.0.0.1:8080` or `tcp://127.0.0.1:7007`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

/** The doors of one server. */
export interface Listeners {
  /** Those of the configuration that are open. */
  readonly bound: readonly BoundListener[];
  /** How many connections the TCP echo has. */
  readonly echoConnections: number;
  /**
   * Listens on the addresses of the configuration.
   * @throws {HeadwaterError} `port_in_use`, `listen_failed`; those before it stay open
   */
  open(config: Pick<Config, 'http' | 'tcp'>, parts: ListenerParts): Promise<void>;
  /** Takes over one that is open elsewhere, and lets go of it once the one that it returns is closed. */
  add(listener: Listener): Listener;
  /** Lets nobody in any more. */
  stop(): void;
  /** Lets the races of the TCP service finish what they are at. */
  drain(): void;
  /** Cuts who is still there, and resolves when nobody is. */
  close(): Promise<void>;
}

type RaceParts = Parameters<typeof serveRace>[2];

export interface ListenerParts {
  handlers: HttpHandlers;
  bounds: Pick<
    HttpListenOptions,
    'maxMessageBytes' | 'maxConnections' | 'onRefused' | 'heartbeat' | 'slowTimeout'
  >;
  echo: Pick<EchoOptions, 'maxConnections' | 'onRefused'>;
  race: RaceParts;
}

export function createListeners(policy: LoopPolicy, report: DefectReporter): Listeners {
  const all = new Set<Listener>();
  const bound: BoundListener[] = [];
  let echo: EchoListener | undefined;
  let race: RaceListener | undefined;

  function take(name: BoundListener['name'], scheme: string, listener: Listener): void {
    all.add(listener);
    const { host, port } = listener;
    const authority = host.includes(':') ? `[${host}]` : host;
    bound.push({ name, url: `${scheme}://${authority}:${port}`, host, port });
  }

  return {
    bound,
    get echoConnections() {
      return echo?.connections ?? 0;
    },
    async open({ http, tcp }, { handlers, bounds, echo: echoBounds, race: raceParts }) {
      const { host, port, tls } = http;
      const secured = tls ? { tls } : {};
      const options = { host, port, ...secured, ...bounds, onDefect: report };
      take('http', tls ? 'https' : 'http', await policy.listenHttp(options, handlers));
      if (tcp.echo) {
        echo = await serveEcho(policy, { ...tcp.echo, ...echoBounds, onDefect: report });
        take('echo', 'tcp', echo);
      }
      if (tcp.race) {
        race = await serveRace(policy, { ...tcp.race, onDefect: report }, raceParts);
        take('race', 'tcp', race);
      }
    },
    add(listener) {
      all.add(listener);
      return {
        get host() {
          return listener.host;
        },
        get port() {
          return listener.port;
        },
        stopListening: () => listener.stopListening(),
        async close() {
          // Until then a server that closes waits for it too.
          await listener.close();
          all.delete(listener);
        },
      };
    },
    stop() {
      for (const listener of all) listener.stopListening();
    },
    drain: () => race?.drain(),
    async close() {
      await Promise.all(Array.from(all, (listener) => listener.close()));
    },
  };
}
