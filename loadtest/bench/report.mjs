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
      ours: OURS.map((ours) => median(ratios(runs, main, ours, name))),
      errors: own.flatMap(({ error }) => (error ? [error] : [])),
    };
  });
  const goals = each.goals
    .filter((goal) => goal.transport === transport && names.includes(goal.side))
    .map((goal) => judge(goal, runs));
  return { case: each.name, title: each.title, transport, sides, goals };
}

/** The ratio of two sides in each round, where both met the same machine. */
function ratios(
  /** @type {Measured[]} */ runs,
  /** @type {string} */ figure,
  /** @type {string} */ side,
  /** @type {string} */ against,
) {
  const of = (/** @type {string} */ name, /** @type {number} */ round) =>
    runs.find((run) => run.side === name && run.round === round)?.figures?.[figure] ?? Number.NaN;
  const rounds = [...new Set(runs.map(({ round }) => round))];
  return rounds.map((round) => of(side, round) / of(against, round)).filter(Number.isFinite);
}

/** The median decides; that it was otherwise in some round is told. */
function judge(/** @type {import('./cases.mjs').Goal} */ goal, /** @type {Measured[]} */ runs) {
  const values = goal.against
    ? ratios(runs, goal.figure, goal.side, goal.against)
    : runs
        .filter(({ side }) => side === goal.side)
        .map(({ figures }) => figures?.[goal.figure] ?? Number.NaN)
        .filter(Number.isFinite);
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  const value = median(values);
  const met = value <= goal.atMost;
  return {
    ...goal,
    value,
    lowest,
    highest,
    met,
    always: met ? highest <= goal.atMost : lowest > goal.atMost,
  };
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
function goalLine({ side, figure, against, atMost, value, lowest, highest, met, always }) {
  const wanted = against ? `at most ${text(atMost, 2)}x that of ${against}` : `at most ${atMost}`;
  const spread = `${text(value, 2)} (${text(lowest, 2)} to ${text(highest, 2)})`;
  const verdict = `${met ? 'met' : 'missed'}${always ? '' : ', but not in every round'}`;
  const outcome = Number.isFinite(value) ? `${spread}: ${verdict}` : 'not measured';
  return `  goal: ${figure} of ${side} ${wanted}: ${outcome}`;
}

function text(/** @type {number | undefined} */ value, /** @type {number} */ digits) {
  return value !== undefined && Number.isFinite(value) ? value.toFixed(digits) : '-';
}
