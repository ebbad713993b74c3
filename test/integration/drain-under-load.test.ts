import { on, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { crowdIsTooLarge, gatherCrowd } from '../support/crowd.js';
import { POLICIES } from '../support/policies.js';
import { reservedPort } from '../support/reserved-port.js';
import { type Served, serve } from '../support/served.js';
import { TOKEN } from '../support/server.js';

const CROWD = 5_000;
const obstacle = crowdIsTooLarge(CROWD);
if (obstacle) console.warn(`skipped: ${obstacle}`);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-drain-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/**
 * Begins a request that the server has seen when this resolves: the beginning came in one segment with a request that
 * was answered. What `finish` resolves with is its own answer.
 */
async function begunRequest(port: number, beginning: string) {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  const answer = async () => {
    let text = '';
    for await (const [part] of on(socket, 'data', { close: ['close'] })) {
      text += part;
      if (/\r\n\r\n.*}$/s.test(text)) break;
    }
    return text;
  };
  socket.write(`GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n${beginning}`);
  await answer();
  return {
    finish(rest: string): Promise<string> {
      socket.write(rest);
      return answer();
    },
    destroy: () => void socket.destroy(),
  };
}

/** Publishes one value after the other until the server takes no more; resolves with the last that it took. */
async function publishUntilRefused(server: Served, each: (n: number) => object) {
  for (let n = 2, last = { version: 0, n: 0 }; ; n++) {
    try {
      last = { version: await server.put('board', each(n)), n };
    } catch {
      return last;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe.each(POLICIES)('a drain under load on %s', (loop) => {
  it.skipIf(obstacle)(
    `${CROWD} clients lose no version: told to come back, closed with 1012, and resumed without a hole`,
    { timeout: 300_000 },
    async () => {
      const port = await reservedPort();
      const config = {
        loop,
        http: { port },
        state: { dir: './state' },
        drainTimeout: '2m',
        limits: { connections: CROWD + 10, messagesPerSecond: 0 },
        auth: { publish: { tokens: [TOKEN] } },
        topics: [{ topic: 'board' }],
      };
      const board = (n: number) => ({ n, rows: Array.from({ length: 30 }, (_, id) => ({ id, n: id })) });
      const crowd = await gatherCrowd(CROWD);
      const first = await serve(folder, config);
      await first.put('board', board(1));
      await crowd.come(first.port, 'board', 200);
      const publishing = publishUntilRefused(first, board);
      await crowd.settle(5);

      const began = performance.now();
      const gone = crowd.gone();
      first.run.process.kill('SIGTERM');
      expect(await first.run.ended).toBe(0);
      const took = performance.now() - began;
      const left = await gone;
      const last = await publishing;
      console.info(
        `${loop}: ${CROWD} clients were told and gone, and the server ended, in ${Math.round(took)} ms`,
      );

      expect(left).toMatchObject({ faults: [], values: 0, codes: { 1012: CROWD } });
      expect(left.hints).toHaveLength(CROWD);
      const seconds = new Set(left.hints.map((hint) => Math.floor(hint / 1_000)));
      expect(seconds.size).toBeGreaterThanOrEqual(6);
      // What the server took, everyone has; one more may have been taken whose answer was lost with the connection.
      expect(left.holds).toHaveLength(1);
      const [, version, n] = /:(\d+) {"n":(\d+)/.exec(left.holds[0]![0])!;
      expect([last.version, last.version + 1]).toContain(Number(version));
      expect([last.n, last.n + 1]).toContain(Number(n));

      const second = await serve(folder, config);
      await second.put('board', board(1_000));
      await second.put('board', board(1_001));
      const back = await crowd.come(second.port, 'board', 500);
      expect(back).toMatchObject({ faults: [], values: 0, patches: CROWD, resumed: CROWD });
      expect(back.holds).toEqual([[expect.stringContaining('{"n":1001'), CROWD]]);
      expect(back.holds[0]![0]).toContain(`:${Number(version) + 2} `);
    },
  );

  it('refuses new work with a reason and a time to come back, and still ends with 0', async () => {
    const server = await serve(folder, {
      loop,
      http: { port: 0 },
      drainTimeout: '2m',
      auth: { publish: { tokens: [TOKEN] } },
      topics: [{ topic: 'board' }],
    });
    await server.put('board', 1);
    const auth = `authorization: Bearer ${TOKEN}\r\n`;
    const [publication, stream, upgrade, holding] = await Promise.all([
      begunRequest(server.port, `PUT /topics/board HTTP/1.1\r\nhost: x\r\n${auth}`),
      begunRequest(server.port, 'GET /topics/board HTTP/1.1\r\nhost: x\r\n'),
      begunRequest(server.port, 'GET /ws HTTP/1.1\r\nhost: x\r\n'),
      // A body that does not come is work that the server waits for.
      begunRequest(server.port, `PUT /topics/board HTTP/1.1\r\nhost: x\r\n${auth}content-length: 1\r\n\r\n`),
    ]);
    server.run.process.kill('SIGTERM');
    await server.run.says(/"msg":"draining"/);

    const handshake =
      'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    const answers = await Promise.all([
      publication.finish('content-length: 1\r\n\r\n3'),
      stream.finish('accept: text/event-stream\r\n\r\n'),
      upgrade.finish(`${handshake}\r\n`),
    ]);
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1.1 503 /);
      expect(answer).toMatch(/\r\nretry-after: [1-5]\r\n/i);
      expect(answer).toContain('"code":"unavailable"');
    }
    await expect(once(connect(server.port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
    holding.destroy();
    expect(await server.run.ended).toBe(0);
  });
});
