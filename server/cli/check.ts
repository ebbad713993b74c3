import { findBrokenTransforms } from '../app/transforms.js';
import { loadConfig } from '../config/load.js';
import { redactConfig } from '../config/redact.js';
import type { Config } from '../config/schema.js';
import { redactUrl } from '../web/redact-url.js';
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
  const shown = withoutSecretParameters(redactConfig(config, written)) as Config;
  process.stdout.write(
    flags.json ? `${JSON.stringify(shown, null, 2)}\n` : `${name} is valid.\n\n${describeConfig(shown)}\n`,
  );
}

/** A secret may stand in the query of a URL, too; one that `${NAME}` stands for is not there to be shown. */
function withoutSecretParameters(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('${') ? value : redactUrl(value);
  if (Array.isArray(value)) return value.map(withoutSecretParameters);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, withoutSecretParameters(member)]),
  );
}
