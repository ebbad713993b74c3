import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Stage } from '../scenario.js';

/** A TCP connection that does as it likes. */
export async function openRaw(stage: Stage, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const closed = new Promise((resolve) => void socket.on('close', resolve));
  stage.own(() => {
    socket.destroy();
    return closed;
  });
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

/** Opens a WebSocket on it and waits for the answer, as a client must before it sends more (RFC 6455, 4.1). */
export async function upgrade(socket: Socket): Promise<void> {
  socket.write(UPGRADE);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error('the upgrade was refused');
}

/** The upgrade of a WebSocket, as bytes. */
export const UPGRADE =
  'GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A masked WebSocket frame of less than 64 KiB (RFC 6455, 5.2); `first` is its first byte, 0x81 for a whole text. */
export function frameOf(payload: string | Buffer, first = 0x81): Buffer {
  const bytes = Buffer.from(payload);
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = bytes.map((byte, index) => byte ^ mask[index % 4]!);
  const length =
    bytes.length < 126 ? [0x80 | bytes.length] : [0x80 | 126, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([first, ...length]), mask, masked]);
}
