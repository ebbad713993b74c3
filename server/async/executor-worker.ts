/**
 * What a worker thread runs: one call at a time, answered with its value or its error. It is text, and CommonJS, so
 * that it starts the same from TypeScript sources, from `dist` and from a bundle, with no file to be found beside it.
 * An error loses its own properties in a structured clone, so `name` and `code` travel beside it.
 */
export const WORKER_SOURCE = `
const { parentPort } = require('node:worker_threads');
async function call({ source, module, name, args }) {
  const target = source === undefined ? (await import(module))[name] : (0, eval)('(' + source + ')');
  if (typeof target !== 'function') {
    throw new TypeError('Module ' + module + ' exports no function "' + name + '".');
  }
  return target(...args);
}
parentPort.on('message', async (request) => {
  try {
    parentPort.postMessage({ ok: true, value: await call(request) });
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    const { name, message, stack, code } = thrown;
    parentPort.postMessage({ ok: false, name, message, stack: String(stack), code: typeof code === 'string' ? code : undefined });
  }
});
`;

/** One call, as it is posted to a worker: a function's source, or a module's URL and the name of its export. */
export interface CallRequest {
  readonly source?: string;
  readonly module?: string;
  readonly name?: string;
  readonly args: readonly unknown[];
}

/** A worker's answer. */
export type CallReply =
  | { ok: true; value: unknown }
  | { ok: false; name: string; message: string; stack: string; code?: string };
