import { describe, expect, it } from 'vitest';
import { reachableBytes } from '../../loadtest/stress/leaks.js';
import { createHeadwater } from '../../server/index.js';
import { POLICIES, type PolicyName } from '../support/policies.js';

describe.each(POLICIES)('a closed server on %s', (policy) => {
  it('leaves nothing of itself in memory', async () => {
    const server = await closedServer(policy);
    await expect.poll(async () => (await reachableBytes()) > 0 && server.deref()).toBeUndefined();
  });
});

/** Of its own, so that no variable of the test holds the server. */
async function closedServer(policy: PolicyName): Promise<WeakRef<object>> {
  const headwater = await createHeadwater({
    loop: policy,
    http: { port: 0 },
    topics: [{ topic: 'board' }],
    sources: [{ topic: 'city/{name}', every: 1_000, fetch: () => 1 }],
  });
  headwater.topic('board').set({ n: 1 });
  await fetch(`${headwater.listeners[0]!.url}/topics/board`).then((answer) => answer.text());
  await headwater.close();
  return new WeakRef(headwater);
}
