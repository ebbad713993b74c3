import { afterEach, it } from 'vitest';
import { libuv } from '../../server/loop/libuv.js';
import type { ResponseStream } from '../../server/loop/policy.js';
import { uws } from '../../server/loop/uws.js';
import { cleanUp, closing, connectRaw, deferred, type RawPeer } from './loop-client.js';

const SECOND = 1_000;
/** Small enough for a library to join with others in a buffer of its own. */
const CHUNK = Buffer.alloc(12 * 1024, 'x');
/** Streams that are written to until the kernel has so many chunks less than it takes. */
const SHORT_OF_FULL = [0, 1, 2, 3, 4];
const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

afterEach(cleanUp);

// A write that fills the kernel's buffer exactly may not show as such: uWebSockets.js then had nobody to tell that the
// reader goes on, and cut a stream that was idle for 10 s after that.
it('keeps idle streams whose readers were late with the last of it, on both loops', {
  timeout: 300 * SECOND,
}, async () => {
  await Promise.all(
    [libuv(), uws()].map(async (policy) => {
      let opened = deferred<ResponseStream>();
      const { port } = closing(
        await policy.listenHttp(
          { host: '127.0.0.1', port: 0, maxMessageBytes: 1024 },
          {
            request(_request, response) {
              const stream = response.stream(200, {});
              stream.write(Buffer.from('first;'));
              opened.resolve(stream);
            },
            upgrade: (_request, upgrade) => upgrade.refuse(404, {}),
          },
        ),
      );
      const open = async (): Promise<{ peer: RawPeer; stream: ResponseStream }> => {
        opened = deferred();
        const peer = await connectRaw(port);
        peer.send(GET);
        await peer.untilText('first;');
        peer.socket.pause();
        return { peer, stream: await opened.promise };
      };
      const full = await open();
      let capacity = 0;
      while (full.stream.write(CHUNK)) capacity += 1;

      const late: Awaited<ReturnType<typeof open>>[] = [];
      for (const short of SHORT_OF_FULL) {
        const each = await open();
        for (let chunk = short; chunk < capacity; chunk++) each.stream.write(CHUNK);
        late.push(each);
      }
      for (const { peer } of late) peer.socket.resume();
      // Cut for its silence, when the patience of the loop has passed once.
      await (await connectRaw(port)).closed;
      for (const { stream } of late) stream.write(Buffer.from('last;'));
      for (const { peer } of late) await peer.untilText('last;');
    }),
  );
});
