import { HeadwaterError } from '../errors.js';
import { createRetry, DEFAULT_BACKOFF } from './backoff.js';
import type { ConnectOptions } from './options.js';
import { createSseTransport } from './sse-transport.js';
import type { Transport, TransportSink, Wanted } from './transport.js';
import { createWebSocketTransport, type WebSocketConstructor } from './websocket-transport.js';

/**
 * The transport that the options and the platform come to.
 * @throws {HeadwaterError} `config_invalid`
 */
export function selectTransport(
  url: string | URL,
  options: ConnectOptions,
  wanted: () => Iterable<Wanted>,
  sink: TransportSink,
): Transport {
  const { transport = 'auto', token } = options;
  const backoff = { ...DEFAULT_BACKOFF, ...options.backoff };
  const base = baseUrl(url);
  const WebSocket = options.WebSocket ?? (globalThis.WebSocket as WebSocketConstructor | undefined);
  if (transport === 'sse' || (transport === 'auto' && !WebSocket)) {
    return createSseTransport({ url: base, token, backoff, sink });
  }
  if (!WebSocket) {
    throw new HeadwaterError(
      'config_invalid',
      'There is no global WebSocket here: pass that of the package ws as `WebSocket`, or use `transport: "sse"`.',
    );
  }
  const socketUrl = new URL('ws', base);
  socketUrl.protocol = base.protocol === 'https:' ? 'wss:' : 'ws:';
  return createWebSocketTransport({
    url: socketUrl.href,
    WebSocket,
    token,
    retry: createRetry(backoff),
    wanted,
    sink,
  });
}

function baseUrl(url: string | URL): URL {
  let base: URL;
  try {
    base = new URL(url);
  } catch (cause) {
    throw new HeadwaterError('config_invalid', `"${url}" is no URL; give one like http://localhost:8080.`, {
      cause,
    });
  }
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new HeadwaterError('config_invalid', `"${url}" must begin with http: or https:.`);
  }
  base.search = '';
  base.hash = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}
