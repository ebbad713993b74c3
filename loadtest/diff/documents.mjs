/**
 * The benchmark's documents: 10,000 entries, about 1.4 MB of JSON, 1 % of them changed in the second text.
 * `object`: entries under their ids. `records`: an array of records with an id. `plain`: an array without one.
 */
export const SHAPES = ['object', 'records', 'plain'];

const ENTRIES = 10_000;
const CHANGED_EVERY = 100;

/**
 * @param {string} shape one of {@link SHAPES}
 * @param {boolean} [whole] whole numbers only
 */
export function texts(shape, whole = false) {
  const before = Array.from({ length: ENTRIES }, (_, i) => entry(i, whole ? 1 : 8));
  const after = before.map((value, i) =>
    i % CHANGED_EVERY === 7
      ? { ...value, price: value.price + 0.5, quote: { ...value.quote, bid: -1 } }
      : value,
  );
  return { before: JSON.stringify(shaped(shape, before)), after: JSON.stringify(shaped(shape, after)) };
}

/** @param {string} shape @param {ReturnType<typeof entry>[]} entries */
function shaped(shape, entries) {
  if (shape === 'object') return Object.fromEntries(entries.map((value, i) => [`T${i}`, value]));
  return shape === 'records' ? entries.map((value, i) => ({ id: `T${i}`, ...value })) : entries;
}

/** @param {number} i @param {number} parts */
function entry(i, parts) {
  return {
    name: `Instrument ${i}`,
    price: 100 + (i % 977) / parts,
    volume: i * 13,
    open: i % 3 !== 0,
    quote: { bid: 99 + (i % 977) / parts, ask: 101 + (i % 977) / parts },
    tags: ['listed', `group${i % 10}`],
  };
}
