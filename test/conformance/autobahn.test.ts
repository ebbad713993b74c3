import { describe, expect, it } from 'vitest';
import { libuv } from '../../server/loop/libuv.js';
import type { LoopPolicy } from '../../server/loop/policy.js';
import { uws } from '../../server/loop/uws.js';
import { type AutobahnReport, type AutobahnVerdict, findWstest, runAutobahn } from '../support/autobahn.js';

/** Compression: neither policy offers it, so there is nothing of it to be tested. */
const DOES_NOT_APPLY = ['12.*', '13.*'];
/** How a case is judged that passes strictly. */
const GOOD = ['OK', 'INFORMATIONAL'];
const TIMEOUT = 300_000;
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Text is checked when its message is whole, not octet by octet: the verdict comes later than it could. */
const CHECKS_UTF8_LATE = ['6.4.1', '6.4.2', '6.4.3', '6.4.4'];
/** The answer to a good message gives way where a broken frame came in the same segment, so not in every run. */
const CUTS_AT_ONCE = ['3.2', '3.3', '3.4', '4.1.3', '4.1.4', '4.1.5', '4.2.3', '4.2.4', '4.2.5', '5.15'];

const wstest = findWstest();
if (!wstest) {
  console.warn(
    'skipped: the Autobahn test suite is not here (WSTEST names its command; .ci/run installs it)',
  );
}

/** How often a case is run whose time is over before it passes: many give a server one second, however busy the machine is. */
const RUNS = 3;

const passes = ({ behavior, behaviorClose }: AutobahnVerdict, mayBeLenient: boolean): boolean =>
  (GOOD.includes(behavior) || (mayBeLenient && behavior === 'NON-STRICT')) && GOOD.includes(behaviorClose);

/** A server that echoes every message, judged. */
async function judge(policy: LoopPolicy, lenient: readonly string[]): Promise<AutobahnReport> {
  const listener = await policy.listenHttp(
    { host: '127.0.0.1', port: 0, maxMessageBytes: MAX_MESSAGE_BYTES },
    {
      request: (_request, response) => response.send(404, {}),
      upgrade: (_request, upgrade) =>
        upgrade.accept({
          open: (socket) => ({
            message(bytes, binary) {
              if (binary) socket.sendBinary(Uint8Array.from(bytes));
              else socket.sendPrepared(policy.prepareText(Buffer.from(bytes).toString()));
            },
            close() {},
          }),
        }),
    },
  );
  try {
    const url = `ws://127.0.0.1:${listener.port}`;
    const verdicts: Record<string, AutobahnVerdict> = {};
    let cases = ['*'];
    for (let run = 1; run <= RUNS && cases.length > 0; run++) {
      if (run > 1) console.warn(`run again, since their time was over: ${cases.join(', ')}`);
      Object.assign(
        verdicts,
        await runAutobahn(wstest!, { url, cases, exclude: DOES_NOT_APPLY, timeout: TIMEOUT }),
      );
      cases = Object.keys(verdicts).filter(
        (name) => verdicts[name]!.timedOut && !passes(verdicts[name]!, lenient.includes(name)),
      );
    }
    return verdicts;
  } finally {
    await listener.close();
  }
}

describe.each([
  ['libuv', libuv, CHECKS_UTF8_LATE],
  ['uws', uws, [...CUTS_AT_ONCE, ...CHECKS_UTF8_LATE]],
] as [string, () => LoopPolicy, string[]][])('the Autobahn test suite against %s', (_name, make, lenient) => {
  it.skipIf(!wstest)(
    'passes in every section that applies, strictly but for the known cases',
    async () => {
      const verdicts = Object.entries(await judge(make(), lenient));
      const judgedAs = (judged: (behavior: string) => boolean) =>
        verdicts.filter(([, { behavior }]) => judged(behavior)).map(([name]) => name);
      const closedBadly = verdicts.filter(
        ([, { behaviorClose }]) => behaviorClose !== 'OK' && behaviorClose !== 'INFORMATIONAL',
      );

      expect(verdicts.length).toBe(301);
      expect(judgedAs((behavior) => !['OK', 'INFORMATIONAL', 'NON-STRICT'].includes(behavior))).toEqual([]);
      expect(closedBadly).toEqual([]);
      const notStrict = judgedAs((behavior) => behavior === 'NON-STRICT');
      expect(notStrict.filter((name) => !lenient.includes(name))).toEqual([]);
    },
    RUNS * TIMEOUT + 10_000,
  );
});
