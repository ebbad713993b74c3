import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import type { Sink, Stored } from '../../server/source/sink/sink.js';
import { startSinkWriter } from '../../server/source/sink/writer.js';

const at = (value: number): Stored => ({ value, asOf: value });

/** A sink whose writes the test answers one by one. */
function scripted(bound: number, after?: Promise<unknown>) {
  const writes: { values: unknown[]; succeed(): void; fail(why: string): void }[] = [];
  const turns: (string | undefined)[] = [];
  let back = () => {};
  const clock = manualClock();
  const sink: Sink = {
    label: 'a sink',
    bound,
    write: (values, signal) =>
      new Promise((succeed, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        writes.push({
          values: values.map(({ value }) => value),
          succeed,
          fail: (why) => reject(new Error(why)),
        });
      }),
    onBack: (listener) => {
      back = listener;
    },
  };
  const writer = startSinkWriter({
    sink,
    clock,
    after,
    random: () => 1,
    onTurn: ({ failing }) => turns.push(failing),
  });
  const turn = () => clock.advance(0);
  return { writes, turns, writer, clock, turn, back: () => back() };
}

describe('a sink that holds one value', () => {
  it('gets the newest of those that came while it wrote', async () => {
    const { writes, writer, turn } = scripted(1);
    for (const value of [1, 2, 3]) writer.offer(at(value));
    writes[0]!.succeed();
    await turn();
    expect(writes.map(({ values }) => values)).toEqual([[1], [3]]);
    expect(writer.state.dropped).toBe(0);
  });

  it('is left to the writer before until that has ended, and gets the newest value then', async () => {
    let end = () => {};
    const { writes, writer, turn } = scripted(1, new Promise<void>((resolve) => (end = resolve)));
    writer.offer(at(1));
    writer.offer(at(2));
    await turn();
    expect(writes).toEqual([]);
    end();
    await turn();
    expect(writes.map(({ values }) => values)).toEqual([[2]]);
  });

  it('is tried again after waits that double, and told of once each way', async () => {
    const { writes, turns, writer, clock, turn } = scripted(1);
    writer.offer(at(1));
    const waits: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      writes[attempt]!.fail('down');
      await turn();
      const began = clock.now();
      while (writes.length === attempt + 1) await clock.advance(500);
      waits.push(clock.now() - began);
    }
    writes[9]!.succeed();
    await turn();
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
    expect(turns).toEqual(['down', undefined]);
    expect(writer.state).toEqual({ writes: 1, failures: 9, dropped: 0, failing: undefined });
  });

  it('is given a newer value that came while it failed', async () => {
    const { writes, writer, clock, turn } = scripted(1);
    writer.offer(at(1));
    writes[0]!.fail('down');
    await turn();
    writer.offer(at(2));
    await clock.advance(1_000);
    expect(writes.map(({ values }) => values)).toEqual([[1], [2]]);
  });

  it('gets its value again when it is back, for it may be empty', async () => {
    const { writes, writer, turn, back } = scripted(1);
    writer.offer(at(1));
    writes[0]!.succeed();
    await turn();
    back();
    await turn();
    expect(writes.map(({ values }) => values)).toEqual([[1], [1]]);
  });

  it('does not wait on when it is back', async () => {
    const { writes, writer, turn, back } = scripted(1);
    writer.offer(at(1));
    writes[0]!.fail('down');
    await turn();
    back();
    await turn();
    expect(writes).toHaveLength(2);
  });

  it('takes a value that comes in the very turn in which the last write ends', async () => {
    const { writes, writer, turn } = scripted(1);
    writer.offer(at(1));
    for (let depth = 0; depth < 8; depth++) {
      const before = writes.length;
      writes.at(-1)!.succeed();
      for (let i = 0; i < depth; i++) await Promise.resolve();
      writer.offer(at(2 + depth));
      await turn();
      expect(writes).toHaveLength(before + 1);
    }
  });
});

describe('a sink that holds many values', () => {
  it('gets all of them, in order, those that failed first', async () => {
    const { writes, writer, clock, turn } = scripted(10);
    for (const value of [1, 2, 3]) writer.offer(at(value));
    writes[0]!.fail('down');
    await turn();
    writer.offer(at(4));
    await clock.advance(1_000);
    writes[1]!.succeed();
    await turn();
    expect(writes.map(({ values }) => values)).toEqual([[1], [1, 2, 3, 4]]);
    expect(writer.state.writes).toBe(4);
  });

  it('loses the oldest beyond its bound, and counts them', async () => {
    const { writes, writer, clock, turn } = scripted(3);
    for (let value = 1; value <= 6; value++) writer.offer(at(value));
    writes[0]!.fail('down');
    await clock.advance(1_000);
    await turn();
    expect(writes[1]!.values).toEqual([4, 5, 6]);
    expect(writer.state.dropped).toBe(3);
  });
});

describe('a writer that closes', () => {
  it('writes what waits first', async () => {
    const { writes, writer, turn } = scripted(1);
    writer.offer(at(1));
    writer.offer(at(2));
    const closed = writer.close(10_000);
    writes[0]!.succeed();
    await turn();
    writes[1]!.succeed();
    expect(await closed).toBe(0);
    writer.offer(at(3));
    expect(writes).toHaveLength(2);
  });

  it('tries once more where it was waiting, and says what is left', async () => {
    const { writes, writer, turn, clock } = scripted(10);
    writer.offer(at(1));
    writes[0]!.fail('down');
    await turn();
    writer.offer(at(2));
    const closed = writer.close(10_000);
    await turn();
    writes[1]!.fail('down');
    expect(await closed).toBe(2);
    expect(clock.pending).toBe(0);
  });

  it('calls off a write that hangs', async () => {
    const { writer } = scripted(1);
    writer.offer(at(1));
    expect(await writer.close(10)).toBe(1);
  });
});
