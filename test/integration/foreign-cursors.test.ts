import { describe, expect, it } from 'vitest';
import type { ServerMessage } from '../../shared/messages.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';
import { startServer } from '../support/server.js';

const ALL = [1, 2, 3].map((n) => ({ type: 'event', topic: 'log', version: n, event: n }));
/** `*` stands for the epoch of the topic. */
const CURSORS = [
  ['of another life', 'elsewhere:2'],
  ['from ahead of the topic', '*:99'],
] as const;
const UNREADABLE = [
  ['that cannot be read', 'garbage'],
  ['of more topics than are asked for', '*:1,*:1'],
] as const;

describe.each(POLICIES)('an event topic on %s that is resumed from a cursor it was never at', (loop) => {
  async function start() {
    const server = await startServer({ loop, topics: [{ topic: 'log', kind: 'event' }, { topic: 'board' }] });
    const log = server.headwater.topic('log', 'event');
    for (const n of [1, 2, 3]) log.append(n);
    const answer = await fetch(`${server.url}/topics/log`);
    const [epoch = ''] = (JSON.parse(answer.headers.get('etag') ?? '""') as string).split(':');
    return { ...server, log, cursor: (text: string) => text.replaceAll('*', epoch) };
  }

  it.each(CURSORS)('gives all it has over WebSocket for one %s', async (_name, text) => {
    const { wsUrl, cursor } = await start();
    const [epoch, version] = cursor(text).split(':');
    const { inbox, say } = await openWebSocket(wsUrl);
    say({ type: 'subscribe', topic: 'log', since: { epoch, version: Number(version) } });
    expect(await inbox.nextWhere(({ type }) => type === 'subscribed')).toMatchObject({ resumed: false });
    for (const event of ALL) expect(await inbox.next()).toEqual(event);
  });

  it.each(CURSORS)('gives all it has to a long-poll for one %s', async (_name, text) => {
    const { url, cursor } = await start();
    const answer = await fetch(`${url}/topics/log?since=${cursor(text)}&wait=10`);
    expect(await answer.json()).toEqual(ALL);
  });

  it.each([...CURSORS, ...UNREADABLE])(
    'gives all it has over an event stream for one %s',
    async (_name, text) => {
      const { url, cursor } = await start();
      const { inbox } = await openEventStream(`${url}/topics/log`, { 'last-event-id': cursor(text) });
      for (const event of ALL) expect((await inbox.next()).message).toEqual(event);
    },
  );

  it('gives all it has over an event stream of several topics whose cursors are of fewer', async () => {
    const { url, headwater, cursor } = await start();
    headwater.topic('board').set('value');
    const id = { 'last-event-id': cursor('*:3') };
    const { inbox } = await openEventStream(`${url}/sse?topic=board&topic=log`, id);
    const messages: ServerMessage[] = [];
    while (messages.length < ALL.length + 1) messages.push((await inbox.next()).message);
    expect(messages.filter(({ type }) => type === 'event')).toEqual(ALL);
    expect(messages).toContainEqual(expect.objectContaining({ type: 'value', value: 'value' }));
  });

  it('gives nothing of what was to one that comes without a cursor', async () => {
    const { url, log } = await start();
    const { inbox, text } = await openEventStream(`${url}/topics/log`, { 'last-event-id': '' });
    await expect.poll(text).toMatch(/id: \w+:3\n/);
    log.append(4);
    expect((await inbox.next()).message).toMatchObject({ version: 4 });
  });
});
