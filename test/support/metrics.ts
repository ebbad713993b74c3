import type { TestServer } from './server.js';

/** The value of one metric without its prefix, `connections` or `limit_hits_total{limit="topics"}`; `undefined` if there is none. */
export async function metric({ url }: TestServer, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`headwater_${name} `));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
}
