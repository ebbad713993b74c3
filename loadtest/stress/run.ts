import { Agent, setGlobalDispatcher } from 'undici';
import type { PolicyName } from '../../test/support/policies.js';
import { holdings, leftOver } from './leaks.js';
import { createRandom, hash } from './random.js';
import type { Scenario, Stage } from './scenario.js';

/** A scenario that takes longer, in ms, has failed. */
const DEADLINE = 120_000;

export interface Outcome {
  /** Milliseconds. */
  readonly elapsed: number;
  /** What went wrong; empty for nothing. */
  readonly failures: readonly unknown[];
}

const strays: unknown[] = [];
process.on('unhandledRejection', (reason) => strays.push(reason));
process.on('uncaughtException', (error) => strays.push(error));

/** Runs a scenario once, ends what it owned, and looks for what it left behind. */
export async function runOnce(
  name: string,
  scenario: Scenario,
  { seed, policy }: { seed: number; policy: PolicyName },
): Promise<Outcome> {
  const failures: unknown[] = [];
  const attempt = async (body: () => unknown) => {
    try {
      await body();
    } catch (error) {
      failures.push(error);
    }
  };
  const before = holdings();
  const began = performance.now();
  const deadline = new AbortController();
  const owned: (() => unknown)[] = [];
  const stage: Stage = {
    random: createRandom(hash(`${seed} ${name}`)),
    policy,
    signal: deadline.signal,
    own: (end) => void owned.push(end),
  };
  // Whatever uses the common HTTP client keeps connections alive; they end with the scenario.
  const agent = new Agent();
  setGlobalDispatcher(agent);

  await attempt(() => withDeadline(scenario(stage), deadline));
  for (const end of owned.reverse()) await attempt(() => withDeadline(Promise.resolve(end()), deadline));
  await attempt(() => agent.destroy());
  const elapsed = performance.now() - began;
  await attempt(async () => {
    const left = await leftOver(before);
    if (left !== '') throw new Error(`left behind: ${left}`);
  });
  for (const stray of strays.splice(0)) {
    failures.push(new Error('nobody handled an error', { cause: stray }));
  }
  return { elapsed, failures };
}

async function withDeadline(work: Promise<unknown>, deadline: AbortController): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`it took longer than ${DEADLINE / 1000} s`);
      deadline.abort(error);
      reject(error);
    }, DEADLINE);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
