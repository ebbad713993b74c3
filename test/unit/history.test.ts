import { expect, it } from 'vitest';
import { collectGarbage } from '../../loadtest/stress/leaks.js';
import { History, type HistoryEntry } from '../../server/store/history.js';

const entry = (version: number, text: string): HistoryEntry => ({ version, text, asOf: 0 });

it('counts bytes as UTF-8, whatever the text is made of', () => {
  const history = new History({ count: 100, bytes: 60 });
  // 10 characters each: 10, 20, 30 and 20 bytes.
  const texts = ['"aaaaaaaa"', 'éééééééééé', '€€€€€€€€€€', '😀😀😀😀😀'];
  for (const [index, text] of texts.entries()) history.push(entry(index + 1, text));
  expect(history.oldest).toBe(3);
  history.push(entry(5, '"aaaaaaaa"'));
  expect(history.since(2, 5)!.map(({ version }) => version)).toEqual([3, 4, 5]);
  history.push(entry(6, 'a'));
  expect(history.since(3, 6)!.map(({ version }) => version)).toEqual([4, 5, 6]);
  expect(history.since(2, 6)).toBeUndefined();
});

it('lets go of what it dropped at once', async () => {
  const history = new History({ count: 1, bytes: 1_000 });
  const dropped: WeakRef<HistoryEntry>[] = [];
  for (let version = 1; version <= 10; version++) {
    const each = entry(version, `"${version}"`);
    if (version < 10) dropped.push(new WeakRef(each));
    history.push(each);
  }
  await collectGarbage();
  expect(dropped.filter((each) => each.deref())).toEqual([]);
  expect(history.since(9, 10)).toMatchObject([{ version: 10 }]);
});
