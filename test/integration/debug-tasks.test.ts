import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { POLICIES } from '../support/policies.js';
import { startServer } from '../support/server.js';

interface Node {
  name: string;
  owner: string | null;
  state: string;
  age: number;
  tasks: Node[];
}

describe.each(POLICIES)('GET /debug/tasks on %s', (loop) => {
  const fetchesOf = async (url: string): Promise<Node[]> => {
    const roots = (await (await fetch(`${url}/debug/tasks`)).json()) as Node[];
    return roots.filter(({ name }) => name === 'server').flatMap(({ tasks }) => tasks);
  };

  it('shows a running fetch below its server, and no longer once it is over', async () => {
    let answer: (value: number) => void = () => {};
    const slow = () => new Promise<number>((resolve) => (answer = resolve));
    const { url } = await startServer({
      loop,
      sources: [{ topic: 'slow', every: '1h', when: 'always', fetch: slow }],
    });
    await expect
      .poll(() => fetchesOf(url))
      .toEqual([
        {
          id: expect.any(Number),
          name: 'fetch slow',
          owner: 'server',
          state: 'pending',
          age: expect.any(Number),
          tasks: [],
        },
      ]);
    const text = await (await fetch(`${url}/debug/tasks`, { headers: { accept: 'text/plain' } })).text();
    expect(text).toMatch(/^server {2}pending {2}\d+\.\d s\n {2}fetch slow {2}pending {2}\d+\.\d s$/m);
    answer(1);
    await expect.poll(() => fetchesOf(url)).toEqual([]);
  });

  it('leaves no task behind when a server closes during a fetch', async () => {
    const hanging = () => new Promise<number>(() => {});
    const other = await startServer({ loop });
    const { url, headwater } = await startServer({
      loop,
      sources: [{ topic: 'hanging', every: '1h', when: 'always', fetch: hanging }],
    });
    await expect.poll(async () => (await fetchesOf(url)).length).toBe(1);
    await headwater.close();
    expect(await fetchesOf(other.url)).toEqual([]);
  });

  it('is not there for a request that did not begin on this machine', async () => {
    const { url } = await startServer({ loop });
    const statusWith = (headers: Record<string, string>) =>
      new Promise((resolve, reject) => {
        const sent = request(`${url}/debug/tasks`, { headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        sent.on('error', reject).end();
      });
    expect(await statusWith({})).toBe(200);
    expect(await statusWith({ 'x-forwarded-for': '192.0.2.1' })).toBe(404);
    expect(await statusWith({ forwarded: 'for=192.0.2.1' })).toBe(404);
    expect(await statusWith({ host: 'rebound.example' })).toBe(404);
  });
});
