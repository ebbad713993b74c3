/** What the documents name and this version does not have yet, by the path of the object it would stand in. */
const LATER: Readonly<Record<string, readonly string[]>> = {
  '': ['workers'],
  auth: ['jwt'],
};

/** Whether a key is no mistake but only too early. `parent` is the path of its object: `sources[0].fetch`. */
export function isLater(parent: string, key: string): boolean {
  return LATER[parent.replace(/\[\d+\]/g, '[]')]?.includes(key) ?? false;
}
