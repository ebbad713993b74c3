// Headwater inside an Express application, on its own port and server. Fastify and Hono work the same way: mount on
// the `node:http` server that they listen with.
//
//   node examples/express/server.js
//   curl -N -H 'Accept: text/event-stream' http://localhost:3000/live/topics/visitors

import express from 'express';
import { createHeadwater } from 'headwater';

const headwater = await createHeadwater({ sources: [] }, { listen: false });
const visitors = headwater.topic('visitors');
visitors.set({ count: 0 });

const app = express();
app.get('/', (_request, response) => {
  visitors.patch([{ op: 'replace', path: '/count', value: visitors.value.count + 1 }]);
  response.send('You were counted. Watch it live at /live/topics/visitors');
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
headwater.mount(server, { prefix: '/live' });

process.once('SIGTERM', async () => {
  await headwater.close();
  server.close();
});
