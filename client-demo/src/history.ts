/** How far back charts reach. */
export const WINDOW_SECONDS = 120;

/** Samples closer together than this share a point: a topic that changes every millisecond draws no more than 1,200. */
const RESOLUTION_SECONDS = 0.1;

/** The last two minutes of some numbers, in the column layout that charts draw from. */
export interface History {
  /** Seconds since the epoch, ascending. */
  readonly times: readonly number[];
  /** One array a number, as long as `times`; `null` where there was none. */
  readonly columns: readonly (readonly (number | null)[])[];
  push(time: number, values: readonly (number | null)[]): void;
}

export function createHistory(width: number): History {
  const times: number[] = [];
  const columns = Array.from({ length: width }, () => [] as (number | null)[]);

  return {
    times,
    columns,
    push(time, values) {
      const last = times.at(-1);
      // The server's clock was set back: what was drawn lies in the future now.
      if (last !== undefined && time < last) {
        times.length = 0;
        for (const column of columns) column.length = 0;
      }
      // Compared with the point before, so that points stay this far apart however often one is renewed.
      const before = times.at(-2);
      if (before !== undefined && time - before < RESOLUTION_SECONDS) {
        times.pop();
        for (const column of columns) column.pop();
      }
      times.push(time);
      for (const [index, column] of columns.entries()) column.push(values[index] ?? null);
      // The point just outside stays, so that the line reaches the edge.
      let old = 0;
      while (times[old + 1]! < time - WINDOW_SECONDS) old += 1;
      times.splice(0, old);
      for (const column of columns) column.splice(0, old);
    },
  };
}
