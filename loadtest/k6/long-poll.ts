/** Readers that long-poll by URL, as behind a cache. `k6 run loadtest/k6/long-poll.ts` */
import http from 'k6/http';
import { createReader, messagesOf } from './reader.ts';
import { readersOptions, TOPIC, URL } from './settings.ts';

export { publish } from './publish.ts';

/** Seconds that a poll waits for news. */
const WAIT = Number(__ENV.WAIT ?? 10);
/** Beyond `WAIT`, seconds that an answer may take. */
const PATIENCE = 10;

export const options = readersOptions('read');

const reader = createReader();

export function read(): void {
  const { cursor } = reader;
  // A cursor that no topic ever had gets the value.
  const since = cursor ? `${cursor.epoch}:${cursor.version}` : 'none:0';
  const answer = http.get(`${URL}/topics/${TOPIC}?since=${since}&wait=${WAIT}`, {
    timeout: `${WAIT + PATIENCE}s`,
    tags: { name: 'poll' },
  });
  if (answer.status !== 200) {
    reader.fail(`poll: ${answer.status} ${answer.error} ${answer.body ?? ''}`);
    return;
  }
  const messages = messagesOf(String(answer.body));
  for (const message of messages) reader.hear(message);
  if (messages.length > 0 && answer.headers.Etag !== `"${reader.cursor?.epoch}:${reader.cursor?.version}"`) {
    reader.fail(`poll: the ETag ${answer.headers.Etag} is not where the messages lead`);
  }
}
