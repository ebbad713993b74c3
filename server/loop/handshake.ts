import { type Refusal, refusal } from './refusal.js';

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const VERSION = '13';
/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Whether the client asks for a WebSocket at all, rightly or wrongly. */
export function wantsWebSocket(upgrade: string | undefined): boolean {
  return upgrade?.toLowerCase() === 'websocket';
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
  if (!namesProtocols(header('sec-websocket-protocol'))) {
    return refusal(400, 'the WebSocket handshake has no valid list in sec-websocket-protocol');
  }
  return undefined;
}

/** Whether it is a list of names, each once, or absent. */
function namesProtocols(list: string | undefined): boolean {
  if (list === undefined) return true;
  const names = list.split(',').map((name) => name.trim());
  return names.every((name) => TOKEN.test(name)) && new Set(names).size === names.length;
}
