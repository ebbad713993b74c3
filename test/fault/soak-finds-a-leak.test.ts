import { expect, it } from 'vitest';
import { soak } from '../../loadtest/stress/soak.js';

it('a soak finds a server that keeps 2,000 bytes of every connection', async () => {
  const program = new URL('../support/leaking-soak-server.ts', import.meta.url);
  const { passed, text } = await soak({ minutes: 1, seed: 3, policy: 'libuv', program });
  expect(passed).toBe(false);
  expect(text).toMatch(/^GROWS/);
}, 600_000);
