/** So many ms of a crowd's turn; then whatever else is due has its own. */
const SLICE = 10;

/**
 * Does `work` for each item in portions that do not hold the event loop. A `Set` may change meanwhile: what leaves it is
 * left out, and what joins it has its turn too, so that nobody of a crowd is forgotten. The caller sees to it that the
 * joining ends.
 */
export async function inTurns<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let began = performance.now();
  for (const item of items) {
    work(item);
    // What that woke runs now, and counts.
    await undefined;
    if (performance.now() - began < SLICE) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
}
