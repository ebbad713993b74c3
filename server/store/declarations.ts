import { HeadwaterError } from '../../shared/errors.js';
import { isTopic } from '../../shared/topic.js';
import type { Declaration } from './topic.js';

const PARAMETER = /\{[A-Za-z_][A-Za-z0-9_]*\}/g;

/** Which topics exist: exact names first, then patterns in the order they were declared. */
export interface Declarations {
  /** @throws {HeadwaterError} `config_invalid` for a bad name or one that is declared already. */
  add(declaration: Declaration): void;
  find(name: string): Declaration | undefined;
}

export function createDeclarations(): Declarations {
  const exact = new Map<string, Declaration>();
  const patterns = new Map<string, { matches: RegExp; declaration: Declaration }>();

  return {
    add(declaration) {
      const { topic } = declaration;
      if (!isTopic(topic.replace(PARAMETER, 'x'))) {
        throw new HeadwaterError(
          'config_invalid',
          `"${topic}" is no topic name: use segments of letters, digits and - _ . ~ : @, joined by "/"`,
        );
      }
      if (exact.has(topic) || patterns.has(topic)) {
        throw new HeadwaterError(
          'config_invalid',
          `topic "${topic}" is declared twice: remove one of the two`,
        );
      }
      if (isTopic(topic)) exact.set(topic, declaration);
      else patterns.set(topic, { matches: patternOf(topic), declaration });
    },
    find(name) {
      const found = exact.get(name);
      if (found || patterns.size === 0 || !isTopic(name)) return found;
      for (const { matches, declaration } of patterns.values()) {
        if (matches.test(name)) return declaration;
      }
      return undefined;
    },
  };
}

/** `chat/{room}` matches `chat/` and one segment. */
function patternOf(topic: string): RegExp {
  const literals = topic.split(PARAMETER).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literals.join('([^/]+)')}$`);
}
