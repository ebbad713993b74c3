import { expect, it } from 'vitest';
import { withoutStack } from '../../server/async/errors.js';

it('an error that is made without a stack has none, and the next one has', () => {
  const error = withoutStack(() => new Error('quiet'));
  expect(error.stack).toBe('Error: quiet');
  expect(new Error('loud').stack).toMatch(/\n {4}at /);
});

it('stacks are back after work that threw', () => {
  const { stackTraceLimit } = Error;
  const fail = () => {
    throw new Error('no');
  };
  expect(() => withoutStack(fail)).toThrow('no');
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});
