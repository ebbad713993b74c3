import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFrame } from '../../shared/client/decode.js';

function decode(text: string) {
  const messages: unknown[] = [];
  const faults: string[] = [];
  decodeFrame(
    text,
    (message) => messages.push(message),
    (error) => faults.push(`${error.code}: ${error.message}`),
  );
  return { messages, faults };
}

describe('a frame from the server', () => {
  test('holds one message or an array of them', () => {
    expect(decode('{"type":"pong"}').messages).toEqual([{ type: 'pong' }]);
    expect(decode('[{"type":"pong"},{"type":"fresh","topic":"t"}]').messages).toHaveLength(2);
  });

  test('may hold types that this client does not know', () => {
    expect(decode('{"type":"later","x":1}')).toEqual({ messages: [], faults: [] });
    expect(decode('{"type":"constructor"}')).toEqual({ messages: [], faults: [] });
  });

  test('reports what is wrong and keeps the good messages beside it', () => {
    const { messages, faults } = decode('[{"type":"fresh","topic":7},3,{"type":"pong"}]');
    expect(messages).toEqual([{ type: 'pong' }]);
    expect(faults).toEqual([
      expect.stringContaining('protocol_error: The server sent a message of type "fresh" with a bad "topic"'),
      expect.stringContaining('a message that is no object'),
    ]);
  });

  test('never throws, whatever it holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        decode(text);
      }),
    );
  });
});
