import { findBrokenTransforms } from '../app/transforms.js';
import { loadConfig } from '../config/load.js';
import { redactConfig } from '../config/redact.js';
import type { Config } from '../config/schema.js';
import { describeConfig } from './config-table.js';

export interface CheckFlags {
  config?: string;
  json?: boolean;
}

/** Prints what a configuration would run, without its secrets; warnings go to standard error. */
export async function check(flags: CheckFlags): Promise<void> {
  const { config, name, warnings, written } = await loadConfig({
    file: flags.config,
    tryOut: findBrokenTransforms,
  });
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  // Redaction keeps the shape; only strings change, and functions become words.
  const shown = redactConfig(config, written) as Config;
  process.stdout.write(
    flags.json ? `${JSON.stringify(shown, null, 2)}\n` : `${name} is valid.\n\n${describeConfig(shown)}\n`,
  );
}
