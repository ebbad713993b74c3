import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stage } from '../scenario.js';

/** A folder for the files of a scenario. */
export async function makeFolder(stage: Stage): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-stress-'));
  stage.own(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
