/** A place in a topic's life: which life (`epoch`) and how far into it (`version`). */
export interface Cursor {
  readonly epoch: string;
  readonly version: number;
}

const CURSOR = /^([A-Za-z0-9]{1,32}):(0|[1-9]\d{0,15})$/;

/** The text form, `k3x9:7`: the ETag, the SSE id and the resume point. */
export function formatCursor(cursor: Cursor): string {
  return `${cursor.epoch}:${cursor.version}`;
}

/** Reads the text form; `undefined` for anything else, versions past 2^53 - 1 included. */
export function parseCursor(text: string): Cursor | undefined {
  const match = CURSOR.exec(text);
  if (!match) return undefined;
  const version = Number(match[2]);
  return Number.isSafeInteger(version) ? { epoch: match[1]!, version } : undefined;
}
