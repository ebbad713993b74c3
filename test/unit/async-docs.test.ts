import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

const rows = (await readFile('docs/async.md', 'utf8'))
  .split('\n')
  .filter((line) => /^\| .* \| [a-z-]+: /.test(line))
  .map((line) => line.split(' | ')[1]!);

describe('docs/async.md', () => {
  it('has a row for much of what asyncio documents', () => {
    expect(rows.length).toBeGreaterThan(80);
  });

  it.each([...new Set(rows)])('names a test that there is: %s', async (row) => {
    const [, file, title] = row.match(/^([a-z-]+): (.*)$/)!;
    const tests = await readFile(`test/unit/async-${file}.test.ts`, 'utf8');
    expect(tests).toContain(`it('${title}'`);
  });
});
