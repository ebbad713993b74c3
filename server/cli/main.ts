#!/usr/bin/env node
import { describeError, exitCodeOf } from './exit.js';
import { runCommand } from './program.js';

// A reader that goes away (`headwater tail t | head -3`) has seen what it wanted: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  process.exitCode = await runCommand(process.argv.slice(2));
} catch (error) {
  const text = describeError(error);
  if (text !== undefined) process.stderr.write(`${text}\n`);
  process.exitCode = exitCodeOf(error);
}
