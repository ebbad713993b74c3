import { isTopic } from './topic.js';

const PARAMETER = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/;

/** What the parameters of a pattern stand for in one topic: `{ city: 'oslo' }`. */
export type TopicParameters = Readonly<Record<string, string>>;

/** Whether `text` is a topic name whose segments may also be parameters: `chat/{room}`. */
export function isTopicPattern(text: string): boolean {
  return isTopic(
    text
      .split('/')
      .map((segment) => (parameterIn(segment) === undefined ? segment : 'x'))
      .join('/'),
  );
}

/** The names of the parameters of a name or pattern, in order. */
export function parametersOf(pattern: string): string[] {
  return pattern.split('/').flatMap((segment) => parameterIn(segment) ?? []);
}

/** Whether a name or pattern has parameters. */
export function hasParameters(pattern: string): boolean {
  return parametersOf(pattern).length > 0;
}

/** Whether some topic name fits both: `chat/{room}` and `chat/lobby` do. */
export function overlap(a: string, b: string): boolean {
  const left = a.split('/');
  const right = b.split('/');
  return (
    left.length === right.length &&
    left.every(
      (segment, i) =>
        segment === right[i] || parameterIn(segment) !== undefined || parameterIn(right[i]!) !== undefined,
    )
  );
}

/**
 * Tells what the parameters stand for in a topic; `undefined` for one that does not fit. A parameter is one whole
 * segment. `rules` has regular expressions, each of which a parameter must match from end to end.
 */
export function topicMatcher(
  pattern: string,
  rules: Readonly<Record<string, string>> = {},
): (topic: string) => TopicParameters | undefined {
  const segments = pattern.split('/').map((text) => {
    const name = parameterIn(text);
    const rule =
      name !== undefined && Object.hasOwn(rules, name) ? new RegExp(`^(?:${rules[name]})$`) : undefined;
    return { text, name, rule };
  });
  return (topic) => {
    const parts = topic.split('/');
    if (parts.length !== segments.length || !isTopic(topic)) return undefined;
    const found: [string, string][] = [];
    for (const [i, { text, name, rule }] of segments.entries()) {
      const part = parts[i]!;
      if (name === undefined ? part !== text : rule && !rule.test(part)) return undefined;
      if (name !== undefined) found.push([name, part]);
    }
    return Object.fromEntries(found);
  };
}

function parameterIn(segment: string): string | undefined {
  return PARAMETER.exec(segment)?.[1];
}
