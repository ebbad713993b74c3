/** A host program with a server in the background: blocks its own loop from when it is told to until there is a file. */
import { existsSync } from 'node:fs';
import { runInBackground } from '../../dist/server/index.js';

const background = await runInBackground(process.argv[2]);
process.on('message', async (message) => {
  if (message === 'close') {
    await background.close();
    process.disconnect();
    return;
  }
  process.send({ blocked: true }, () => {
    const sleep = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(message.until)) Atomics.wait(sleep, 0, 0, 5);
    process.send({ blocked: false });
  });
});
process.send({ url: background.listeners[0].url });
