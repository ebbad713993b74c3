const ESCAPES = /~[01]/g;
const BAD_ESCAPE = /~(?![01])/;

/**
 * The reference tokens of a JSON Pointer (RFC 6901), unescaped: `/a~1b/0` gives `['a/b', '0']`, the empty
 * pointer `[]`. `undefined` for text that is no pointer (no leading `/`, a `~` that escapes nothing).
 */
export function parsePointer(pointer: string): string[] | undefined {
  if (pointer === '') return [];
  if (pointer[0] !== '/') return undefined;
  const tokens = pointer.slice(1).split('/');
  if (!pointer.includes('~')) return tokens;
  if (BAD_ESCAPE.test(pointer)) return undefined;
  // One pass: `~01` is `~1`, not `/` (RFC 6901, section 4).
  return tokens.map((token) => token.replace(ESCAPES, (found) => (found === '~1' ? '/' : '~')));
}

/**
 * The reference tokens of a JSON Pointer as it stands (`/a b`) or as a URI fragment (`#/a%20b`; RFC 6901, section 6).
 * `undefined` for text that is neither, and for the pointer to the whole document, which points at no part of it.
 */
export function parsePartPointer(text: string): string[] | undefined {
  try {
    const pointer = text.startsWith('#') ? decodeURIComponent(text.slice(1)) : text;
    return pointer === '' ? undefined : parsePointer(pointer);
  } catch {
    return undefined;
  }
}

/** Writes a member name or array index as a reference token: `a/b` gives `a~1b`. */
export function escapeToken(token: string | number): string {
  if (typeof token === 'number') return String(token);
  if (!token.includes('~') && !token.includes('/')) return token;
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

/**
 * Names through which careless code reaches a prototype. JSON may contain them as plain members, and values keep
 * them; a patch that goes through one is refused, here as in the common JSON Patch libraries.
 */
export function isUnsafeKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}
