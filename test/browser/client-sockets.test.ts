import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { Client } from '../../shared/client/index.js';
import { until } from '../support/scripted-servers.js';
import { useChromium } from './chromium.js';
import { hasChromium } from './launch.js';

declare global {
  interface Window {
    client: Client;
  }
}

const SDK = new URL('../../dist/shared/', import.meta.url);
const PAGE = `<!doctype html><title>a page</title><link rel="icon" href="data:,"><script type="module">
import { connect } from '/client/index.js';
window.client = connect(location.origin, { backoff: { base: 5, max: 20 } });
</script>`;

/** Serves the built SDK, and WebSockets on which nothing comes after `hello`. */
async function silentServer() {
  const http = createServer(async ({ url }, response) => {
    const script = url!.endsWith('.js');
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
    response.end(script ? await readFile(new URL(`.${url}`, SDK)) : PAGE);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const sockets = new WebSocketServer({ server: http });
  let dialled = 0;
  sockets.on('connection', (socket) => {
    dialled += 1;
    socket.send(JSON.stringify({ type: 'hello', server: 'silent', heartbeat: 100 }));
  });
  onTestFinished(async () => {
    for (const socket of sockets.clients) socket.terminate();
    http.closeAllConnections();
    http.close();
    await once(http, 'close');
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    get dialled() {
      return dialled;
    },
    get open() {
      return sockets.clients.size;
    },
  };
}

describe.skipIf(!hasChromium)("the client on Chromium's WebSocket", () => {
  const open = useChromium();

  test('keeps no connection to a server that falls silent', async () => {
    const server = await silentServer();
    const page = await open(server.url);
    await until(() => expect(server.dialled).toBeGreaterThan(3));
    await until(() => expect(server.open).toBeLessThanOrEqual(1));
    await page.evaluate(() => window.client.close());
    await until(() => expect(server.open).toBe(0));
  });
});
