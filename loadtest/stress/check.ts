import { AssertionError, deepStrictEqual } from 'node:assert';

/** Throws with `what` unless it holds. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new AssertionError({ message: what });
}

/** Throws with both unless they are equal, all the way down. */
export function same(actual: unknown, expected: unknown, what: string): void {
  try {
    deepStrictEqual(actual, expected);
  } catch {
    throw new AssertionError({ message: `${what}: got ${shown(actual)}, expected ${shown(expected)}` });
  }
}

/** Far longer than anything takes, in ms: a machine may be busy with others. */
const PATIENCE = 60_000;

/** Waits until it holds. Throws with `what` when it does not within a minute. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!(await holds())) {
    check(Date.now() < deadline, `waited in vain until ${what}`);
    await pause(2);
  }
}

/** Lets time pass: as a part of the load, never to wait for something. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
