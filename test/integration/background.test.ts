import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runInBackground } from '../../server/background/background.js';
import type { ConfigInput } from '../../server/config/schema.js';
import { openWebSocket } from '../support/clients.js';
import { POLICIES } from '../support/policies.js';

const HOST = fileURLToPath(new URL('../support/background-host.mjs', import.meta.url));

async function start(config: ConfigInput | string) {
  const background = await runInBackground(config);
  onTestFinished(() => background.close());
  return background;
}

/** A configuration file whose one source `s` is the given code. */
async function fileWith(fetch: string, every = '20ms'): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'headwater.config.js');
  const source = `{ topic: 's', every: '${every}', fetch: ${fetch} }`;
  await writeFile(path, `export default { http: { port: 0 }, drainTimeout: 1000, sources: [${source}] };\n`);
  return path;
}

describe.each(POLICIES)('a server in the background on %s', (loop) => {
  const config: ConfigInput = { loop, http: { port: 0 }, drainTimeout: 1_000 };

  it('does what it is asked to on its thread, in order, and serves the result', async () => {
    const background = await start(config);
    expect(background.loop).toBe(loop);
    const [first, , last] = await Promise.all([
      background.call('topic.set', 'a', { n: 1 }),
      background.call('topic.patch', 'a', [{ op: 'replace', path: '/n', value: 2 }]),
      background.call('topic.value', 'a'),
    ]);
    expect(first).toBeUndefined();
    expect(last).toEqual({ n: 2 });
    expect(await background.call('topic.append', 'events', 'x')).toBe(1);
    expect(await background.call('topics')).toEqual(['a', 'events']);
    const response = await fetch(`${background.listeners[0]!.url}/topics/a`);
    expect(await response.json()).toEqual({ n: 2 });
  });

  it('throws here what a call throws there, with its code', async () => {
    const background = await start(config);
    await background.call('topic.set', 'a', {});
    const patch = [{ op: 'remove', path: '/missing' } as const];
    await expect(background.call('topic.patch', 'a', patch)).rejects.toMatchObject({
      code: 'patch_conflict',
    });
    await expect(background.call('topic.append', 'a', 1)).rejects.toMatchObject({ code: 'bad_request' });
    await expect(background.call('nothing' as 'topics')).rejects.toMatchObject({ code: 'bad_request' });
    const uncopyable = (() => 1) as unknown as number;
    await expect(background.call('topic.set', 'a', uncopyable)).rejects.toMatchObject({
      code: 'bad_request',
    });
    expect(await background.call('topic.value', 'a')).toEqual({});
  });

  it('drains when it is closed: its clients are told, its thread ends, and it takes no more calls', async () => {
    const background = await start(config);
    const client = await openWebSocket(`${background.listeners[0]!.url.replace('http', 'ws')}/ws`);
    const closing = background.close();
    await expect(background.call('topics')).rejects.toMatchObject({ code: 'closed' });
    expect((await client.closed).code).toBe(1012);
    await closing;
    await background.ended;
    await background.close();
  });

  it('throws what starting throws', async () => {
    const background = await start(config);
    const { port } = background.listeners[0]!;
    const taken = runInBackground({ ...config, http: { port } });
    await expect(taken).rejects.toMatchObject({ code: 'port_in_use', name: 'HeadwaterError' });
  });
});

describe('a configuration for the background', () => {
  it('is refused with the place of every function in it', async () => {
    const fetch = () => 1;
    const refused = runInBackground({ sources: [{ topic: 'a', every: '1s', fetch }] });
    await expect(refused).rejects.toThrow(/sources\[0\]\.fetch: found a function.*give its path/);
    await expect(refused).rejects.toMatchObject({ code: 'config_invalid' });
  });

  it('may have functions in a file', async () => {
    const background = await start(await fileWith('() => 42'));
    const response = await fetch(`${background.listeners[0]!.url}/topics/s`);
    expect(await response.json()).toBe(42);
  });

  it('is refused with the code of the reader when the file is not there', async () => {
    const refused = runInBackground(join(tmpdir(), 'no-such-folder', 'headwater.config.yaml'));
    await expect(refused).rejects.toMatchObject({ code: 'config_unreadable' });
  });
});

describe('a thread that dies', () => {
  it('fails the calls under way and those to come, and says why', async () => {
    const background = await start(
      await fileWith('() => { setTimeout(() => { throw new Error("boom"); }); return 1; }'),
    );
    const ended = expect(background.ended).rejects.toMatchObject({ code: 'background_lost' });
    const calling = (async () => {
      for (;;) await background.call('topics');
    })();
    const failed = expect(calling).rejects.toMatchObject({ code: 'background_lost' });
    // The first reader starts the source, and with it what kills the thread.
    await fetch(`${background.listeners[0]!.url}/topics/s`).catch(() => {});
    await ended;
    await failed;
    await expect(background.call('topics')).rejects.toThrow(/boom/);
    await background.close();
  });
});

describe('a host program that blocks its own event loop', () => {
  it('does not stop delivery to clients elsewhere', async () => {
    const host = fork(HOST, [await fileWith('() => Date.now()')], { execArgv: [] });
    onTestFinished(() => void host.kill());
    const [{ url }] = (await once(host, 'message')) as [{ url: string }];
    const client = await openWebSocket(`${url.replace('http', 'ws')}/ws`);
    client.say({ type: 'subscribe', topic: 's' });
    await client.inbox.nextWhere(({ type }) => type === 'value');
    const release = join(await mkdtemp(join(tmpdir(), 'headwater-')), 'release');
    onTestFinished(() => rm(dirname(release), { recursive: true }));
    host.send({ until: release });
    await once(host, 'message');
    for (let n = 0; n < 10; n++) await client.inbox.next();
    await writeFile(release, '');
    await once(host, 'message');
    host.send('close');
    const [code] = await once(host, 'exit');
    expect(code).toBe(0);
  });
});
