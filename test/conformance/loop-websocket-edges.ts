import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { WebSocketConnection } from '../../server/loop/policy.js';
import { closing, connectRaw, deferred, eventually, type MakeLoop, type RawPeer } from './loop-client.js';
import { HANDSHAKE, SOCKET_OPTIONS } from './loop-websocket.js';

const FIN = 0x80;
const CONTINUATION = 0x0;
const TEXT = 0x1;
const BINARY = 0x2;
const CLOSE = 0x8;
const PING = 0x9;
const LIMIT = 1000;

/** Frames as RFC 6455 section 5 has them, right and wrong ones. */
export function webSocketEdgeConformance(make: MakeLoop): void {
  describe('WebSocket frames', () => {
    const connect = async () => {
      const messages: string[] = [];
      const end = deferred<number>();
      let socket: WebSocketConnection | undefined;
      const { policy, capabilities } = make();
      const { port } = closing(
        await policy.listenHttp(
          { ...SOCKET_OPTIONS, maxMessageBytes: LIMIT },
          {
            request: (_request, response) => response.send(404, {}),
            upgrade: (_request, upgrade) =>
              upgrade.accept({
                open(opened) {
                  socket = opened;
                  return {
                    message: (bytes, binary) =>
                      void messages.push(`${binary ? 'binary' : 'text'} ${Buffer.from(bytes).toString()}`),
                    close: end.resolve,
                  };
                },
              }),
          },
        ),
      );
      const peer = await connectRaw(port);
      peer.send(HANDSHAKE);
      await peer.untilText('\r\n\r\n');
      await eventually(() => socket !== undefined);
      return {
        peer,
        socket: socket!,
        messages,
        end: end.promise,
        polite: capabilities.closesBrokenPeersPolitely,
      };
    };

    it('joins fragments, also with a ping among them', async () => {
      const { peer, messages } = await connect();
      peer.send(frame(TEXT, 'Hel'));
      peer.send(frame(FIN | PING, 'in between'));
      peer.send(frame(CONTINUATION, 'lo '));
      peer.send(frame(FIN | CONTINUATION, 'world'));
      await eventually(() => messages.length === 1);
      expect(messages).toEqual(['text Hello world']);
      await peer.untilText('in between');
      expect(afterHead(peer)).toEqual(Buffer.from([0x8a, 10, ...Buffer.from('in between')]));
    });

    it('takes a frame that comes byte by byte', async () => {
      const { peer, messages } = await connect();
      for (const byte of frame(FIN | BINARY, 'x'.repeat(130))) {
        peer.send(Uint8Array.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await eventually(() => messages.length === 1);
      expect(messages).toEqual([`binary ${'x'.repeat(130)}`]);
    });

    it('takes a message of the limit and closes with 1009 on one byte more', async () => {
      const { peer, messages, end } = await connect();
      peer.send(frame(FIN | TEXT, 'x'.repeat(LIMIT)));
      await eventually(() => messages.length === 1);
      peer.send(frame(FIN | TEXT, 'x'.repeat(LIMIT + 1)));
      expect(closeCode(await peer.closed)).toBe(1009);
      expect(await end).toBe(1009);
      expect(messages).toHaveLength(1);
    });

    it('closes with 1009 when fragments together go over the limit', async () => {
      const { peer, messages, end } = await connect();
      peer.send(frame(TEXT, 'x'.repeat(LIMIT - 100)));
      peer.send(frame(FIN | CONTINUATION, 'x'.repeat(101)));
      expect(closeCode(await peer.closed)).toBe(1009);
      expect(await end).toBe(1009);
      expect(messages).toEqual([]);
    });

    /** A policy that cannot send the close frame must still end the connection and name the reason. */
    const breaks = (what: string, code: number, ...frames: Buffer[]): void => {
      it(`ends the connection of a peer that sends ${what}, for reason ${code}`, async ({ annotate }) => {
        const { peer, messages, end, polite } = await connect();
        for (const each of frames) peer.send(each);
        const received = await peer.closed;
        expect(await end).toBe(code);
        expect(messages).toEqual([]);
        if (polite) expect(closeCode(received)).toBe(code);
        else await annotate(`${code} is not sent: this policy cuts the connection without a close frame`);
      });
    };
    breaks('a text that is no UTF-8', 1007, frame(FIN | TEXT, Buffer.from([0x61, 0xff, 0x62])));
    breaks(
      'fragments that are no UTF-8 together',
      1007,
      frame(TEXT, Buffer.from([0xe2])),
      frame(FIN | CONTINUATION, 'x'),
    );
    breaks('far more than the limit', 1009, frame(FIN | TEXT, 'x'.repeat(20 * LIMIT)));
    breaks('an unknown opcode', 1002, frame(FIN | 0x3, 'x'));
    breaks('reserved bits', 1002, frame(FIN | 0x40 | TEXT, 'x'));
    breaks('a ping of over 125 bytes', 1002, frame(FIN | PING, 'x'.repeat(126)));

    it('answers a close frame with the same code', async () => {
      const { peer, end } = await connect();
      peer.send(frame(FIN | CLOSE, Buffer.from([0x0f, 0xa1, 0x68, 0x69])));
      expect(closeCode(await peer.closed)).toBe(4001);
      expect(await end).toBe(4001);
    });

    it('sends what was corked before it, the close frame and FIN, where all is done under one cork', async () => {
      const { peer, socket, end } = await connect();
      peer.socket.removeAllListeners('end');
      const ended = once(peer.socket, 'end');
      socket.cork(() => {
        socket.sendBinary(Buffer.from('last'));
        socket.sendBinary(Buffer.from('words'));
        socket.close(4000, '');
        socket.sendBinary(Buffer.from('too late'));
      });
      await peer.until((all) => closeCode(all) === 4000);
      const words = '\x82\x04last\x82\x05words\x88\x02\x0f\xa0';
      expect(afterHead(peer).toString('latin1')).toBe(words);
      peer.send(frame(FIN | CLOSE, Buffer.from([0x0f, 0xa0])));
      await ended;
      peer.socket.end();
      expect(await end).toBe(4000);
    });

    it('cuts a peer that never answers its close frame', async () => {
      const { policy } = make();
      const end = deferred<number>();
      const { port } = closing(
        await policy.listenHttp(SOCKET_OPTIONS, {
          request: (_request, response) => response.send(404, {}),
          upgrade: (_request, upgrade) =>
            upgrade.accept({
              open(socket) {
                setTimeout(() => socket.close(1000, ''), 5);
                return { message() {}, close: end.resolve };
              },
            }),
        }),
      );
      const peer = await connectRaw(port);
      // Keeps its side open, whatever comes.
      peer.socket.removeAllListeners('end');
      peer.send(HANDSHAKE);
      expect(await end.promise).toBe(1000);
      await peer.until((all) => closeCode(all) === 1000);
      const wrote = (): void => {
        peer.socket.write(frame(FIN | PING, ''));
      };
      const knocking = setInterval(wrote, 200);
      await peer.closed;
      clearInterval(knocking);
    });
  });
}

/** A masked frame (RFC 6455 section 5.2) with the given first byte. */
function frame(first: number, payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload as string);
  const mask = Buffer.from([1, 2, 3, 4]);
  const { length } = bytes;
  const size = length < 126 ? [length] : [126, length >> 8, length & 0xff];
  size[0]! |= 0x80;
  const masked = bytes.map((byte, i) => byte ^ mask[i % 4]!);
  return Buffer.concat([Buffer.from([first, ...size]), mask, masked]);
}

function afterHead(peer: RawPeer): Buffer {
  const all = peer.bytes();
  return all.subarray(all.indexOf('\r\n\r\n') + 4);
}

/** The code of the close frame that ends what a server sent; undefined if there is none. */
function closeCode(received: Buffer): number | undefined {
  const at = received.lastIndexOf(Buffer.from([FIN | CLOSE]));
  return at > received.indexOf('\r\n\r\n') && at + 4 <= received.length
    ? received.readUInt16BE(at + 2)
    : undefined;
}
