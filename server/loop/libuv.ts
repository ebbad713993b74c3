import { textFrame } from './frame.js';
import { listenLibuvHttp } from './libuv-http.js';
import type { LoopPolicy, PreparedText } from './policy.js';
import { listenTcp } from './tcp.js';

/** The default policy: `node:net`, `node:http` and `ws`. Runs wherever Node runs. */
export function libuv(): LoopPolicy {
  return {
    name: 'libuv',
    listenTcp,
    listenHttp: listenLibuvHttp,
    prepareText: (text) => textFrame(text) as Uint8Array as PreparedText,
  };
}
