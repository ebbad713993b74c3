/**
 * Stresses real servers in this process with real clients, and checks every step: `npm run stress -- --help`. All chance comes
 * from one seed, so that what failed can be run again.
 */
import { parseArgs } from 'node:util';
import { POLICIES, type PolicyName } from '../../test/support/policies.js';
import { costOfServer } from './bare-server.js';
import { THEMES } from './catalog.js';
import { judgeGrowth, RUNS_TO_JUDGE, type RunSample } from './growth.js';
import { reachableBytes } from './leaks.js';
import { runOnce } from './run.js';
import type { Scenario } from './scenario.js';
import { soak } from './soak.js';
import { serversStarted } from './world/serve.js';

const HELP = `npm run stress -- [options]
  --seed N        where all chance comes from (default: a random one, which is printed)
  --only NAME     the scenarios whose names contain NAME
  --policy NAME   libuv or uws alone (default: both where it matters to clients)
  --repeat N      each scenario N times, with seeds N, N + 1 …, and from 100 on looks for memory that grows
  --minutes M     all scenarios again and again for M minutes
  --kill          instead, for M minutes: a server of its own process, whose clients die at random; does its memory grow?
  --list          the names`;

interface Run {
  readonly name: string;
  readonly policy: PolicyName;
  readonly scenario: Scenario;
}

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    policy: { type: 'string' },
    repeat: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    kill: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const seed = Number(options.seed ?? Math.floor(Math.random() * 1_000_000));
const repeat = Number(options.repeat);
const until = options.minutes === undefined ? 0 : Date.now() + Number(options.minutes) * 60_000;
let failed = 0;
let passed = 0;
/** What a server leaves in memory by itself, in bytes. */
const serverCosts = new Map<PolicyName, number>();

if (options.help) console.log(HELP);
else if (options.list) for (const { name, policy } of runs()) console.log(`${policy}  ${name}`);
else if (options.kill) {
  console.log(`seed ${seed}`);
  for (const policy of options.policy ? [options.policy as PolicyName] : POLICIES) {
    const { passed, text } = await soak({ minutes: Number(options.minutes ?? 10), seed, policy });
    console.log(text);
    if (!passed) process.exitCode = 1;
  }
} else {
  console.log(`seed ${seed}`);
  const began = performance.now();
  if (repeat >= RUNS_TO_JUDGE)
    for (const policy of new Set(runs().map(({ policy }) => policy))) await measureServer(policy);
  let round = 0;
  do {
    for (const run of runs()) await repeatedly(run, seed + round);
    round += 1;
  } while (Date.now() < until);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${passed} passed, ${failed} failed in ${seconds} s with seed ${seed}`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

/** What was asked for. */
function runs(): Run[] {
  return THEMES.flatMap(({ policies, scenarios }) =>
    Object.entries(scenarios).flatMap(([name, scenario]) =>
      (options.policy
        ? [options.policy as PolicyName]
        : policies === 'each'
          ? POLICIES
          : (['libuv'] as const)
      )
        .filter(() => name.includes(options.only))
        .map((policy) => ({ name, policy, scenario })),
    ),
  );
}

/** So that what scenarios leave can be told from what any server leaves; that must be little too. */
async function measureServer(policy: PolicyName): Promise<void> {
  const { bytes, tooMuch } = await costOfServer(policy, repeat);
  serverCosts.set(policy, bytes);
  if (tooMuch) failed += 1;
  console.log(
    `${tooMuch ? 'FAIL' : 'ok  '} ${policy.padEnd(5)} a server leaves ${(bytes / 1024).toFixed(1)} KB by itself`,
  );
}

/** Runs one as often as was asked for, and judges what it leaves in memory. */
async function repeatedly({ name, policy, scenario }: Run, firstSeed: number): Promise<void> {
  const samples: RunSample[] = [];
  const failures: { error: unknown; seed: number }[] = [];
  let elapsed = 0;
  for (let turn = 0; turn < repeat && failures.length === 0; turn++) {
    const outcome = await runOnce(name, scenario, { seed: firstSeed + turn, policy });
    elapsed += outcome.elapsed;
    for (const error of outcome.failures) failures.push({ error, seed: firstSeed + turn });
    if (repeat > 1) samples.push({ reachable: await reachableBytes(), servers: serversStarted() });
  }
  const growth = failures.length > 0 ? undefined : judgeGrowth(samples, serverCosts.get(policy));
  if (growth?.grows) failures.push({ error: new Error(`memory grows: ${growth.text}`), seed: firstSeed });
  const good = failures.length === 0;
  if (good) passed += 1;
  else failed += 1;
  const note = growth ? `  ${growth.text}` : '';
  console.log(
    `${good ? 'ok  ' : 'FAIL'} ${policy.padEnd(5)} ${elapsed.toFixed(0).padStart(6)} ms  ${name}${note}`,
  );
  for (const { error, seed } of failures) {
    console.log(error);
    const again = repeat > 1 && growth ? ` --repeat ${repeat}` : '';
    console.log(`again: npm run stress -- --seed ${seed} --policy ${policy} --only '${name}'${again}`);
  }
}
