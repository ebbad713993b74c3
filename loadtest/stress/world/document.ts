import type { Json, JsonObject } from '../../../shared/json.js';
import type { Random } from '../random.js';

/** A JSON object of several kinds of members. */
export function makeDocument(random: Random, members = 12): JsonObject {
  return Object.fromEntries(
    Array.from({ length: members }, (_, index) => [`m${index}`, random.json(3)] as const),
  );
}

/** The same with one to three changes: members set, added or removed, at the top or below. Shares what stays. */
export function changeDocument(random: Random, document: Json): JsonObject {
  const changed: { [key: string]: Json } = { ...(document as JsonObject) };
  for (let left = random.int(1, 3); left > 0; left--) {
    const keys = Object.keys(changed);
    const kind = random.int(0, 3);
    if (kind === 0 || keys.length === 0) changed[random.text(2)] = random.json(2);
    else if (kind === 1 && keys.length > 4) delete changed[random.pick(keys)];
    else {
      const key = random.pick(keys);
      changed[key] = changeWithin(random, changed[key]!);
    }
  }
  return changed;
}

function changeWithin(random: Random, value: Json): Json {
  if (Array.isArray(value)) {
    const items = [...(value as readonly Json[])];
    const at = random.int(0, items.length);
    if (random.chance(0.5) && at < items.length) items.splice(at, 1);
    else items.splice(at, 0, random.json(1));
    return random.chance(0.2) ? random.shuffle(items) : items;
  }
  if (typeof value === 'object' && value !== null) return { ...value, [random.text(1)]: random.json(1) };
  return random.json(1);
}
