/** A host program with a server in the background: blocks its own loop when told to, and says from when to when. */
import { runInBackground } from '../../dist/server/index.js';

const background = await runInBackground(process.argv[2]);
process.on('message', async (message) => {
  if (message === 'close') {
    await background.close();
    process.disconnect();
    return;
  }
  const from = Date.now();
  while (Date.now() < from + 500);
  process.send({ from, to: Date.now() });
});
process.send({ url: background.listeners[0].url });
