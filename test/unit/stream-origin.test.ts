import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../server/async/clock.js';
import { createHttpClient } from '../../server/source/http/client.js';
import { openRedisLinks } from '../../server/source/redis/links.js';
import { redisStreamEvents } from '../../server/source/redis/stream-events.js';
import { type HttpStreamOptions, httpStream } from '../../server/source/stream/http-stream.js';

function streamOf(options: HttpStreamOptions) {
  const client = createHttpClient();
  onTestFinished(() => client.close());
  return httpStream(client, options, systemClock);
}

// They stand in the journals of those who upgrade: with another name every stream would begin anew, and so double events.
describe('the name of where a stream comes from never changes', () => {
  it('for events, whoever asks and whatever is selected', () => {
    const stream = streamOf({ stream: 'https://me:pw@a.example/prices?of=eu', select: '/price' });
    expect(stream.originFor?.('event')).toBe('7xmkC2LOJ6kC');
  });

  it('for a value that is selected of them', () => {
    const stream = streamOf({ stream: 'https://a.example/prices?of=eu', select: '/price' });
    expect(stream.originFor?.('state')).toBe('NSUzV5W7WRFz');
  });

  it('for a stream of Redis', () => {
    const links = openRedisLinks();
    onTestFinished(() => links.close());
    const place = { url: 'redis://me:pw@localhost/2', stream: 'log', count: 100 };
    expect(redisStreamEvents(links, place).originFor?.('event')).toBe('sg7k7tFNsTu3');
  });
});
