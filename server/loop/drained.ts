import type { Writable } from 'node:stream';

const NOTHING = new Uint8Array(0);

/**
 * Watches a socket until all it was given has left, which Node's own `drain` tells only of a buffer that grew above
 * the high-water mark. Call `watch` after writing: it costs nothing while the buffer is empty, and one zero-length
 * write while it is not, whose callback comes when everything before it is gone.
 */
export function drainWatch(socket: Writable, buffered: () => number, drained: () => void): () => void {
  let watching = false;
  const passed = (error?: Error | null): void => {
    watching = false;
    if (error || socket.destroyed) return;
    if (buffered() > 0) watch();
    else drained();
  };
  const watch = (): void => {
    if (watching || socket.destroyed || !socket.writable || buffered() === 0) return;
    watching = true;
    socket.write(NOTHING, passed);
  };
  return watch;
}
