import { createRequire } from 'node:module';
import { Command } from 'commander';
import { nearest } from '../config/nearest.js';
import type { CheckFlags } from './check.js';
import type { CopyFlags } from './copy.js';
import type { ExitCode } from './exit.js';
import type { GatherFlags } from './gather.js';
import type { RaceFlags } from './race.js';
import type { ServeFlags } from './serve.js';
import type { TailFlags } from './tail.js';

// By the package's own name, so that it is found from the sources as well as from dist/.
const { version } = createRequire(import.meta.url)('headwater/package.json') as { version: string };

const EXIT_CODES = 'Exit codes: 0 fine, 1 failed at run time, 2 wrong usage or configuration.';
const EXIT_CODES_OF_JOBS = `${EXIT_CODES.slice(0, -1)}, 130 interrupted.`;

/**
 * Runs one command line (without the program's own name) to its end. Only the code of its command is loaded.
 * @throws {CommanderError} for usage, help and version, after having printed them; {@link HeadwaterError}; {@link UsageError}.
 */
export async function runCommand(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = new Command('headwater')
    .description('Turns any JSON API into a live topic over WebSocket, Server-Sent Events and long-poll.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError('(--help tells what there is)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  $ headwater                                 this machine's vital signs, live on http://localhost:8080
  $ headwater --config my.yaml --loop uws     your own topics, on uWebSockets.js
  $ headwater check                           what headwater.config.* would run
  $ headwater tail system/vitals              follow a topic in the terminal
  $ headwater copy https://docs.example docs  copy a site, to be read from disk

${EXIT_CODES}`,
    );

  program
    .command('serve', { isDefault: true })
    .description('serve topics: those of the configuration, or the built-in demo (the default command)')
    .option('-c, --config <file>', 'the configuration (default: headwater.config.{ts,js,yaml,json} here)')
    .option('--loop <policy>', 'libuv, uws or auto')
    .option('--host <address>', 'address for HTTP (default: 127.0.0.1)')
    .option('-p, --port <port>', 'port for HTTP, 0 for any free one (default: 8080)')
    .option('--echo-port <port>', 'turns the TCP echo on, on this port')
    .allowExcessArguments(false)
    .addHelpText(
      'after',
      `
Examples:
  $ headwater serve
  $ headwater serve --config my.yaml
  $ headwater serve --port 9000 --echo-port 7007 --loop auto
  $ HEADWATER_HTTP_PORT=9000 headwater serve

Flags override HEADWATER_* variables, which override the file: http.port is HEADWATER_HTTP_PORT.
SIGTERM and SIGINT stop it in order; a second one stops it at once, with exit code 1.
${EXIT_CODES}`,
    )
    .action(async (flags: ServeFlags) => {
      const { serve } = await import('./serve.js');
      exitCode = await serve(flags);
    });

  program
    .command('check')
    .description('validate a configuration and print what it would run')
    .option('-c, --config <file>', 'the configuration (default: headwater.config.{ts,js,yaml,json} here)')
    .option('--json', 'print the whole configuration, defaults included, as JSON')
    .allowExcessArguments(false)
    .addHelpText(
      'after',
      `
Examples:
  $ headwater check
  $ headwater check --config my.yaml --json | jq .sources

Tokens, headers and what comes from the environment are not printed.
${EXIT_CODES}`,
    )
    .action(async (flags: CheckFlags) => {
      const { check } = await import('./check.js');
      await check(flags);
    });

  program
    .command('tail <topic>')
    .description('follow a topic in the terminal')
    .option('-u, --url <url>', 'the server', 'http://localhost:8080')
    .option('--json', 'print one JSON object a line, like those on the wire')
    .option('-n, --count <number>', 'stop after this many values or events')
    .allowExcessArguments(false)
    .addHelpText(
      'after',
      `
Examples:
  $ headwater tail system/vitals
  $ headwater tail quotes --url https://live.example --json | jq .value
  $ headwater tail quotes --count 1 --json > now.json

Ctrl-C stops it with exit code 0.
${EXIT_CODES}`,
    )
    .action(async (topic: string, flags: TailFlags) => {
      const { tail } = await import('./tail.js');
      await tail(topic, flags);
    });

  program
    .command('race <url...>')
    .description('ask several URLs, print the first good answer, cancel the others')
    .option('--hedge <time>', 'ask the next URL only when one is slower than this (default: all at once)')
    .option('--timeout <time>', 'give up on a URL after this', '30s')
    .option('--json', 'print the winner, its value and all timings as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ headwater race https://a.example/rates https://b.example/rates > rates.json
  $ headwater race --hedge 50ms https://a.example/rates https://b.example/rates
  $ headwater race --json https://a.example/rates https://b.example/rates | jq .winner

A good answer is a 2xx that came whole. It goes to standard output, the timings to standard error.
Ctrl-C cancels what is under way.
${EXIT_CODES_OF_JOBS}`,
    )
    .action(async (urls: string[], flags: RaceFlags) => {
      const { race } = await import('./race.js');
      exitCode = await race(urls, flags);
    });

  program
    .command('gather <url...>')
    .description('ask several URLs and show what comes of each, as it comes')
    .option('--concurrency <number>', 'how many to ask at a time', '8')
    .option('--timeout <time>', 'give up on a URL after this', '30s')
    .option('--json', 'print all answers and timings as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ headwater gather https://a.example/ https://b.example/ https://c.example/
  $ headwater gather --json https://a.example/rates https://b.example/rates | jq '.urls[].value'

Exits with 1 when any of them failed. Ctrl-C cancels what is under way and says what that was.
${EXIT_CODES_OF_JOBS}`,
    )
    .action(async (urls: string[], flags: GatherFlags) => {
      const { gather } = await import('./gather.js');
      exitCode = await gather(urls, flags);
    });

  program
    .command('copy <url> <dir>')
    .description('copy a site into a folder, to be read from disk; again: go on, or bring it up to date')
    .option('--depth <number>', 'how many links to go from the start (default: 5)')
    .option('--pages <number>', 'how many pages at most; what they show comes with them (default: 1000)')
    .option('--bytes <size>', 'how much at most in all (default: 1G)')
    .option('--file-bytes <size>', 'how much at most for one file (default: 64M)')
    .option('--concurrency <number>', 'how many requests at a time (default: 8)')
    .option('--delay <time>', 'least time between two requests (default: 0)')
    .option('--timeout <time>', 'give up on a file after this (default: 60s)')
    .option('--json', 'print what came of it as JSON')
    .allowExcessArguments(false)
    .addHelpText(
      'after',
      `
Examples:
  $ headwater copy https://docs.example/ docs
  $ headwater copy https://docs.example/guide/ guide --depth 2 --pages 100 --delay 200ms
  $ headwater copy --json https://docs.example/ docs | jq .problems

Copies from the host of the URL only, and what its robots.txt allows (RFC 9309, user agent headwater).
Pages that cannot be copied are listed at the end; it exits with 1 when nothing could be.
Ctrl-C stops it in order; the same command goes on from there.
${EXIT_CODES_OF_JOBS}`,
    )
    .action(async (url: string, directory: string, flags: CopyFlags) => {
      const { copy } = await import('./copy.js');
      exitCode = await copy(url, directory, flags);
    });

  refuseUnknownCommand(program, args[0]);
  await program.parseAsync(args, { from: 'user' });
  return exitCode;
}

/** With a default command, commander would take the unknown word for an argument of it. */
function refuseUnknownCommand(program: Command, word: string | undefined): void {
  if (word === undefined || word.startsWith('-')) return;
  const names = ['help', ...program.commands.map((command) => command.name())];
  if (names.includes(word)) return;
  const meant = nearest(word, names);
  program.error(`error: unknown command '${word}'${meant ? `\n(Did you mean ${meant}?)` : ''}`);
}
