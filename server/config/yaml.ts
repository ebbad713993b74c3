import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { messageOf } from '../../shared/errors.js';
import { ConfigError, type ConfigPath } from './problem.js';

/** A place in a text, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What a text file says, and where each value of it stands. */
export interface ParsedText {
  readonly input: unknown;
  /** The place of a value, or of the nearest object around it that is there. */
  locate(path: ConfigPath): Position | undefined;
}

/**
 * Reads YAML 1.2, of which JSON is a part. `name` is for the messages.
 * @throws {ConfigError} for what is no YAML, a doubled key included
 */
export function parseYaml(text: string, name: string): ParsedText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const faults = faultsOf(document);
  if (faults.length > 0) {
    throw new ConfigError(
      name,
      faults.map(({ message, pos: [offset] }) => {
        const place = positionOf(lines, offset);
        return { path: '', message: message + hintFor(text.split('\n')[place.line - 1]!), ...place };
      }),
    );
  }
  return {
    input: plain(document, name, lines),
    locate: (path) => {
      const offset = offsetOf(document, path);
      return offset === undefined ? undefined : positionOf(lines, offset);
    },
  };
}

function faultsOf({ errors, warnings }: Document): readonly YAMLError[] {
  // Behind an error of syntax the parser guesses: what else it finds there is no more than an echo.
  const slip = errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  // A warning (an unknown tag, say) means that something would be ignored: no less wrong than an error.
  return slip ? [slip] : [...errors, ...warnings];
}

/** Where a line has a brace in the middle of text, as in `topic: price/{symbol}`, YAML takes it for an object. */
function hintFor(line: string): string {
  const unquoted = line.replace(/'[^']*'|"(?:[^"\\]|\\.)*"/g, '');
  const isInText = /[^\s{}[\],:]\{|\}[^\s{}[\],:]/.test(unquoted);
  return isInText ? "; text with braces has to be quoted, as in 'price/{symbol}'" : '';
}

/** @throws {ConfigError} for an alias that lies in what it stands for, and for aliases that multiply beyond any memory. */
function plain(document: Document, name: string, lines: LineCounter): unknown {
  visit(document, {
    Alias(_key, alias, ancestors) {
      const target = alias.resolve(document);
      if (!target || !ancestors.includes(target)) return;
      const message = `the alias *${alias.source} lies in what it stands for, expected one of something else`;
      throw new ConfigError(name, [{ path: '', message, ...positionOf(lines, alias.range![0]) }]);
    },
  });
  try {
    return document.toJS();
  } catch (error) {
    throw new ConfigError(name, [{ path: '', message: `its aliases make too much: ${messageOf(error)}` }]);
  }
}

function positionOf(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** Where a value begins: at its key if it has one. */
function offsetOf(document: Document, path: ConfigPath): number | undefined {
  let node: unknown = document.contents;
  let offset = (node as Node | null)?.range?.[0];
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (!pair) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else {
      break;
    }
  }
  return offset;
}
