// WebSockets that subscribe to a topic each and wait; told `scrape`, it fetches /metrics and answers with its size.
import { once } from 'node:events';
import { WebSocket } from 'ws';

const [port, connections, topics] = process.argv.slice(2).map(Number);
const AT_ONCE = 200;

async function join(n) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'subscribe', topic: `t/${n % topics}` }));
  await new Promise((resolve) => {
    socket.on('message', (data) => String(data).includes('"value"') && resolve());
  });
  socket.removeAllListeners('message');
}

for (let n = 0; n < connections; n += AT_ONCE) {
  await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => join(n + index)));
}
process.on('message', async () => {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  process.send((await response.text()).length);
});
process.send('here');
