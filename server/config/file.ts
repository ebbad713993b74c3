import { access, readFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { createJiti } from 'jiti';
import { HeadwaterError, messageOf } from '../../shared/errors.js';
import { ConfigError } from './problem.js';
import { type ParsedText, parseYaml } from './yaml.js';

/** The files looked for in the working directory, when none is named. */
const CONFIG_FILES = ['ts', 'js', 'yaml', 'yml', 'json'].map((extension) => `headwater.config.${extension}`);

/** What a configuration file says. */
export interface ConfigFile extends ParsedText {
  /** Its name in messages: relative to the working directory. */
  readonly name: string;
  /** Code computes its values; what a text file says, it says in so many words. */
  readonly isCode: boolean;
}

/**
 * Finds the configuration file of a directory; `undefined` if it has none.
 * @throws {HeadwaterError} `config_invalid` if it has several, since either could be the one that is meant.
 */
export async function findConfigFile(directory: string): Promise<string | undefined> {
  const exists = await Promise.all(CONFIG_FILES.map((name) => isThere(join(directory, name))));
  const found = CONFIG_FILES.filter((_, i) => exists[i]);
  if (found.length > 1) {
    throw new HeadwaterError(
      'config_invalid',
      `${directory} has ${found.join(' and ')}: keep one of them, or name one with --config`,
    );
  }
  return found[0] && join(directory, found[0]);
}

/**
 * Reads a configuration file of any kind: `.ts`, `.js`, `.yaml`, `.yml`, `.json`.
 * @throws {HeadwaterError} `config_unreadable` if it cannot be read or run, `config_invalid` if it is no YAML or JSON.
 */
export async function readConfigFile(path: string, directory: string): Promise<ConfigFile> {
  const name = relative(directory, path) || path;
  const extension = extname(path);
  switch (extension) {
    case '.ts':
    case '.js':
      return { name, isCode: true, input: await runCode(path, name), locate: () => undefined };
    case '.yaml':
    case '.yml':
      return { name, isCode: false, ...parseYaml(await readText(path, name), name) };
    case '.json':
      return { name, isCode: false, ...parseJson(await readText(path, name), name) };
    default:
      throw new HeadwaterError(
        'config_unreadable',
        `${name} is no configuration file: its name must end in .ts, .js, .yaml, .yml or .json`,
      );
  }
}

async function readText(path: string, name: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    return text.replace(/^\uFEFF/, '');
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

/** JSON is read strictly (RFC 8259); the YAML parser, which knows lines, says where things stand. */
function parseJson(text: string, name: string): ParsedText {
  try {
    const input: unknown = JSON.parse(text);
    return { input, locate: parseYaml(text, name).locate };
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const offset = Number(/position (\d+)/.exec(messageOf(cause))?.[1] ?? text.length);
    const before = text.slice(0, offset).split('\n');
    const position = { line: before.length, column: before.at(-1)!.length + 1 };
    const message = messageOf(cause).replace(/ \(line .*\)$/, '');
    throw new ConfigError(name, [{ path: '', message: `no valid JSON: ${message}`, ...position }]);
  }
}

async function runCode(path: string, name: string): Promise<unknown> {
  if (!(await isThere(path))) throw unreadable(name, Object.assign(new Error(), { code: 'ENOENT' }));
  try {
    // No cache on disk: reading a configuration leaves no files behind.
    const jiti = createJiti(path, { fsCache: false });
    return await jiti.import(path, { default: true });
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

function unreadable(name: string, cause: unknown): HeadwaterError {
  const code = (cause as NodeJS.ErrnoException).code;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'its permissions forbid it',
    EISDIR: 'it is a directory',
  };
  const reason = reasons[code ?? ''] ?? messageOf(cause);
  return new HeadwaterError('config_unreadable', `${name} cannot be read: ${reason}`, { cause });
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
