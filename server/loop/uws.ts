import type { LoopPolicy, PreparedText } from './policy.js';
import { listenTcp } from './tcp.js';
import { listenUwsHttp } from './uws-http.js';
import { loadUws } from './uws-load.js';

const encoder = new TextEncoder();

/**
 * HTTP and WebSockets over uWebSockets.js, for high throughput; raw TCP, which it does not offer to JavaScript, over
 * libuv. `load` finds a module by its package name.
 * @throws {HeadwaterError} `loop_unavailable` where no binary of it works
 */
export function uws(load?: (name: string) => unknown): LoopPolicy {
  const native = loadUws(load);
  return {
    name: 'uws',
    listenTcp,
    listenHttp: (options, handlers) => listenUwsHttp(native, options, handlers),
    // uWebSockets.js writes the header itself, into the memory that it sends from.
    prepareText: (text) => encoder.encode(text) as Uint8Array as PreparedText,
  };
}
