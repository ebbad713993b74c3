/** From raw runs to medians, ratios, and what became of the goals. */
import { median } from '../machine.mjs';
import { OURS } from './cases.mjs';

/**
 * @typedef {object} Measured
 * @property {string} case
 * @property {'ws' | 'sse'} transport
 * @property {string} side
 * @property {number} round
 * @property {Record<string, number>} [figures]
 * @property {string} [error] why there are none
 */

const TRANSPORT_NAMES = { ws: 'WebSocket', sse: 'Server-Sent Events' };

/**
 * What a case came to over one transport, a row a side.
 * @param {import('./cases.mjs').Case} each
 * @param {'ws' | 'sse'} transport
 * @param {Measured[]} raw
 */
export function summarize(each, transport, raw) {
  const runs = raw.filter((run) => run.case === each.name && run.transport === transport);
  const main = each.figures[0]?.key ?? '';
  const names = [...new Set(runs.map(({ side }) => side))];
  const sides = names.map((name) => {
    const own = runs.filter(({ side }) => side === name);
    const good = own.flatMap(({ figures }) => (figures ? [figures] : []));
    const values = good.map((figures) => figures[main] ?? Number.NaN);
    return {
      name,
      medians: Object.fromEntries(
        each.figures.map(({ key }) => [key, median(good.map((run) => run[key] ?? Number.NaN))]),
      ),
      lowest: Math.min(...values),
      highest: Math.max(...values),
      ours: OURS.map((ours) => ratio(runs, main, ours, name)),
      errors: own.flatMap(({ error }) => (error ? [error] : [])),
    };
  });
  const goals = each.goals
    .filter((goal) => goal.transport === transport && names.includes(goal.side))
    .map((goal) => judge(goal, runs));
  return { case: each.name, title: each.title, transport, sides, goals };
}

/** Ratios are taken within a round, where both sides met the same machine, and their median is told. */
function ratio(
  /** @type {Measured[]} */ runs,
  /** @type {string} */ figure,
  /** @type {string} */ side,
  /** @type {string} */ against,
) {
  const of = (/** @type {string} */ name, /** @type {number} */ round) =>
    runs.find((run) => run.side === name && run.round === round)?.figures?.[figure] ?? Number.NaN;
  const rounds = [...new Set(runs.map(({ round }) => round))];
  return median(rounds.map((round) => of(side, round) / of(against, round)).filter(Number.isFinite));
}

function judge(/** @type {import('./cases.mjs').Goal} */ goal, /** @type {Measured[]} */ runs) {
  const values = runs
    .filter(({ side }) => side === goal.side)
    .map(({ figures }) => figures?.[goal.figure] ?? Number.NaN);
  const value = goal.against
    ? ratio(runs, goal.figure, goal.side, goal.against)
    : median(values.filter(Number.isFinite));
  return { ...goal, value, met: value <= goal.atMost };
}

/** @param {ReturnType<typeof summarize>} summary @param {import('./cases.mjs').Case['figures']} figures */
export function table({ title, transport, sides, goals }, figures) {
  const [main, ...others] = figures;
  if (!main) throw new Error('a case without figures');
  const head = [
    'server'.padEnd(16),
    main.label.padStart(17),
    '(lowest to highest)'.padStart(22),
    ...others.map(({ label }) => label.padStart(label.length + 2)),
    '   ours/its: uws  libuv',
  ];
  const rows = sides.map(({ name, medians, lowest, highest, ours, errors }) => {
    const spread = `${text(lowest, main.digits)} to ${text(highest, main.digits)}`;
    const cells = [
      name.padEnd(16),
      text(medians[main.key], main.digits).padStart(17),
      spread.padStart(22),
      ...others.map(({ key, label, digits }) => text(medians[key], digits).padStart(label.length + 2)),
      text(ours[0], 2).padStart(16),
      text(ours[1], 2).padStart(7),
    ];
    const failed = errors.length > 0 ? `   ${errors.length} void: ${errors[0]}` : '';
    return `  ${cells.join('')}${failed}`;
  });
  return [
    `\n${title}, over ${TRANSPORT_NAMES[transport]}`,
    `  ${head.join('')}`,
    ...rows,
    ...goals.map(goalLine),
  ].join('\n');
}

/** @param {ReturnType<typeof judge>} goal */
function goalLine({ side, figure, against, atMost, value, met }) {
  const wanted = against ? `at most ${text(atMost, 2)}x that of ${against}` : `at most ${atMost}`;
  const verdict = Number.isFinite(value) ? `${text(value, 2)}: ${met ? 'met' : 'missed'}` : 'not measured';
  return `  goal: ${figure} of ${side} ${wanted}: ${verdict}`;
}

function text(/** @type {number | undefined} */ value, /** @type {number} */ digits) {
  return value !== undefined && Number.isFinite(value) ? value.toFixed(digits) : '-';
}
