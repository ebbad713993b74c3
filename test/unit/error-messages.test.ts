import { describe, expect, it } from 'vitest';
import { messagesOf } from '../../shared/errors.js';

describe('what an error says together with its causes', () => {
  it('begins with its own message and ends with that of the first cause', () => {
    const refused = new Error('connect ECONNREFUSED 127.0.0.1:8999');
    expect(messagesOf(new TypeError('fetch failed', { cause: refused }))).toBe(
      'fetch failed: connect ECONNREFUSED 127.0.0.1:8999',
    );
  });

  it('has all errors of an AggregateError that says nothing itself', () => {
    const cause = new AggregateError([new Error('connect ::1'), new Error('connect 127.0.0.1')]);
    expect(messagesOf(new TypeError('fetch failed', { cause }))).toBe(
      'fetch failed: connect ::1; connect 127.0.0.1',
    );
  });

  it('says nothing twice', () => {
    expect(messagesOf(new Error('no JSON (bad token)', { cause: new Error('bad token') }))).toBe(
      'no JSON (bad token)',
    );
  });

  it('ends where causes lead in a circle, or are no errors', () => {
    const error = new Error('round');
    error.cause = new Error('and round', { cause: error });
    expect(messagesOf(error)).toBe('round: and round');
    expect(messagesOf(new Error('odd', { cause: 7 }))).toBe('odd: 7');
    expect(messagesOf(new Error('plain', { cause: null }))).toBe('plain');
    expect(messagesOf(undefined)).toBe('undefined');
  });
});
