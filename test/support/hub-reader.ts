import type { Outlet } from '../../server/hub/connection.js';
import type { WireFormat } from '../../server/hub/wire.js';

export interface HubReader {
  outlet: Outlet;
  /** Types and versions of what was written: `value 1`. */
  got: string[];
}

/** Messages as one JSON array; a format of its own each time, as that of another edge. */
export const arrays = (): WireFormat => ({
  encode: (parts) => Buffer.from(`[${parts.map(({ text }) => text).join(',')}]`),
});

/** A reader straight at the hub, who takes everything at once. `written`: called after each write. */
export function hubReader(format = arrays(), written: () => void = () => {}): HubReader {
  const got: string[] = [];
  const outlet: Outlet = {
    transport: 'websocket',
    format,
    write(chunks) {
      for (const chunk of chunks) {
        for (const { type, version } of JSON.parse(String(chunk))) got.push(`${type} ${version}`);
      }
      written();
      return true;
    },
    bufferedBytes: 0,
    beat() {},
    answersBeats: true,
    finish() {},
    drop() {},
  };
  return { outlet, got };
}
