import type { HttpHeaders } from './policy.js';

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const VERSION = '13';

/** Whether the client asks for a WebSocket at all, rightly or wrongly. */
export function wantsWebSocket(upgrade: string | undefined): boolean {
  return upgrade?.toLowerCase() === 'websocket';
}

export interface Refusal {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: string;
}

/** What is wrong with a WebSocket handshake (RFC 6455 section 4.2.1), or undefined. */
export function handshakeRefusal(
  method: string,
  header: (name: string) => string | undefined,
): Refusal | undefined {
  if (method !== 'GET') return refusal(405, 'a WebSocket handshake is a GET request', { allow: 'GET' });
  if (!KEY.test(header('sec-websocket-key') ?? '')) {
    return refusal(400, 'the WebSocket handshake has no valid sec-websocket-key');
  }
  if (header('sec-websocket-version') !== VERSION) {
    return refusal(426, 'only version 13 of the WebSocket protocol (RFC 6455) is spoken here', {
      'sec-websocket-version': VERSION,
      upgrade: 'websocket',
    });
  }
  return undefined;
}

function refusal(status: number, body: string, headers: HttpHeaders = {}): Refusal {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}
