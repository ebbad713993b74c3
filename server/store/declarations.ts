import { HeadwaterError } from '../../shared/errors.js';
import { isTopic } from '../../shared/topic.js';
import { isTopicPattern, topicMatcher } from '../../shared/topic-pattern.js';
import type { Declaration } from './topic.js';

/** Which topics exist: exact names first, then patterns in the order they were declared. */
export interface Declarations {
  /** @throws {HeadwaterError} `config_invalid` for a bad name or one that is declared already. */
  add(declaration: Declaration): void;
  find(name: string): Declaration | undefined;
}

export function createDeclarations(): Declarations {
  const exact = new Map<string, Declaration>();
  const patterns = new Map<string, { match: ReturnType<typeof topicMatcher>; declaration: Declaration }>();

  return {
    add(declaration) {
      const { topic, parameters } = declaration;
      if (!isTopicPattern(topic)) {
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
      else patterns.set(topic, { match: topicMatcher(topic, parameters), declaration });
    },
    find(name) {
      const found = exact.get(name);
      if (found || patterns.size === 0) return found;
      for (const { match, declaration } of patterns.values()) {
        if (match(name)) return declaration;
      }
      return undefined;
    },
  };
}
