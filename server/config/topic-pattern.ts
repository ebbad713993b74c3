import { isTopic } from '../../shared/topic.js';

const PARAMETER = /^\{[A-Za-z_][A-Za-z0-9_]*\}$/;

/** Whether `text` is a topic name whose segments may also be parameters: `chat/{room}`. */
export function isTopicPattern(text: string): boolean {
  return isTopic(text.split('/').map(sample).join('/'));
}

/** Whether a name or pattern has parameters. */
export function hasParameters(pattern: string): boolean {
  return pattern.split('/').some(isParameter);
}

/** Whether some topic name fits both: `chat/{room}` and `chat/lobby` do. */
export function overlap(a: string, b: string): boolean {
  const left = a.split('/');
  const right = b.split('/');
  return (
    left.length === right.length &&
    left.every((segment, i) => segment === right[i] || isParameter(segment) || isParameter(right[i]!))
  );
}

function isParameter(segment: string): boolean {
  return PARAMETER.test(segment);
}

function sample(segment: string): string {
  return isParameter(segment) ? 'x' : segment;
}
