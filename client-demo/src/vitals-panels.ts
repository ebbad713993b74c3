import type { ChartLine } from './chart.js';
import { formatBytes, formatMilliseconds, formatPercent, formatRate } from './format.js';
import type { Vitals } from './vitals.js';

interface PanelLine extends ChartLine {
  label: string;
  of(vitals: Vitals): number | null;
}

/** One chart of vital signs and the figures above it. */
export interface Panel {
  title: string;
  lines: readonly PanelLine[];
  format(value: number): string;
  /** The fixed top of the scale. */
  top?(vitals: Vitals): number;
  /** What stands beside the first figure. */
  aside?(vitals: Vitals): string;
  /** With a strip a core below. */
  cores?: true;
}

const first = { stroke: '--water', fill: '--water-fill' };
const second = { stroke: '--clay', dashed: true };
const third = { stroke: '--moss' };

const PANELS: readonly Panel[] = [
  {
    title: 'Processor',
    lines: [{ label: 'busy', of: ({ cpu }) => cpu, ...first }],
    format: formatPercent,
    top: () => 100,
    cores: true,
  },
  {
    title: 'Memory',
    lines: [{ label: 'used', of: ({ memoryUsed }) => memoryUsed, ...first }],
    format: formatBytes,
    top: ({ memoryTotal }) => memoryTotal,
    aside: ({ memoryTotal }) => `of ${formatBytes(memoryTotal)}`,
  },
  {
    title: 'Load',
    lines: [
      { label: '1 min', of: ({ load }) => load[0] ?? null, ...first },
      { label: '5 min', of: ({ load }) => load[1] ?? null, ...second },
      { label: '15 min', of: ({ load }) => load[2] ?? null, ...third },
    ],
    format: (load) => load.toFixed(2),
  },
  {
    title: 'Network',
    lines: [
      { label: 'in', of: ({ networkIn }) => networkIn, ...first },
      { label: 'out', of: ({ networkOut }) => networkOut, ...second },
    ],
    format: formatRate,
  },
  {
    title: 'Disk',
    lines: [
      { label: 'read', of: ({ diskRead }) => diskRead, ...first },
      { label: 'written', of: ({ diskWritten }) => diskWritten, ...second },
    ],
    format: formatRate,
  },
  {
    title: 'Event-loop delay',
    lines: [
      { label: 'median', of: ({ loopDelayMedian }) => loopDelayMedian, ...first },
      { label: '99 %', of: ({ loopDelayP99 }) => loopDelayP99, ...second },
      { label: 'longest', of: ({ loopDelayMax }) => loopDelayMax, ...third },
    ],
    format: formatMilliseconds,
  },
];

/** The panels for a machine; those it tells nothing for are left out. */
export function panelsFor(vitals: Vitals): readonly Panel[] {
  return PANELS.filter(({ lines }) => lines.some((line) => line.of(vitals) !== null));
}
