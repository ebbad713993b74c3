/** Readers over WebSocket, that leave after each session and resume. `k6 run loadtest/k6/websocket.ts` */
import { setTimeout } from 'k6/timers';
import { WebSocket } from 'k6/websockets';
import { createReader, messagesOf } from './reader.ts';
import { readersOptions, TOPIC, URL } from './settings.ts';

export { publish } from './publish.ts';

/** Milliseconds that a reader stays. */
const SESSION = Number(__ENV.SESSION ?? 5_000);

export const options = readersOptions('read');

/** One a virtual user: it resumes in the next session. */
const reader = createReader();

export function read(): void {
  const socket = new WebSocket(`${URL.replace(/^http/, 'ws')}/ws`);
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: 'subscribe', id: 1, topic: TOPIC, since: reader.cursor }));
    setTimeout(() => socket.close(), SESSION);
  };
  socket.onmessage = (event) => {
    for (const message of messagesOf(String(event?.data))) reader.hear(message);
  };
  socket.onerror = (event) => reader.fail(`WebSocket: ${event?.error}`);
}
