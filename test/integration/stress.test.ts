import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SEED = 20_261;
const JITI = createRequire(import.meta.url)
  .resolve('jiti/package.json')
  .replace('package.json', 'lib/jiti-cli.mjs');

it('every stress scenario ends as it must, and leaves nothing behind', async () => {
  const args = [JITI, 'loadtest/stress/stress.ts', '--seed', String(SEED)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 16 * 1024 * 1024 }).catch(
    (error: { stdout: string; stderr: string }) => {
      throw new Error(`with seed ${SEED}: ${error.stderr}${error.stdout}`);
    },
  );
  expect(stdout).toMatch(/ passed, 0 failed in /);
}, 900_000);
