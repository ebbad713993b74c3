import { posix } from 'node:path';

/** Bytes of a name: leaves room for a suffix below the 143 of the narrowest file system in use (eCryptfs). */
const MAX_NAME_BYTES = 100;
/** Bytes of a path inside the folder: Windows allows 260 characters with all that stands before it. */
const MAX_PATH_BYTES = 180;

/** The folder for what finds no place under a name of its own; no name made from a URL starts like it. */
export const OVERFLOW_FOLDER = '_other';

const EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  'text/html': ['.html', '.htm'],
  'application/xhtml+xml': ['.xhtml', '.html', '.htm'],
  'text/css': ['.css'],
  'text/javascript': ['.js', '.mjs'],
  'application/javascript': ['.js', '.mjs'],
  'application/json': ['.json', '.map', '.webmanifest'],
  'application/manifest+json': ['.webmanifest', '.json'],
  'application/xml': ['.xml'],
  'text/xml': ['.xml'],
  'application/pdf': ['.pdf'],
  'text/plain': ['.txt', '.md', '.csv', '.log'],
  'image/png': ['.png'],
  'image/jpeg': ['.jpg', '.jpeg'],
  'image/gif': ['.gif'],
  'image/webp': ['.webp'],
  'image/avif': ['.avif'],
  'image/svg+xml': ['.svg'],
  'image/x-icon': ['.ico'],
  'image/vnd.microsoft.icon': ['.ico'],
  'font/woff': ['.woff'],
  'font/woff2': ['.woff2'],
  'font/ttf': ['.ttf'],
  'font/otf': ['.otf'],
  'video/mp4': ['.mp4'],
  'video/webm': ['.webm'],
  'audio/mpeg': ['.mp3'],
};

/** Names that Windows keeps for devices, with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?:\.|$)/i;

/**
 * The path that a URL would like to have inside the folder of a copy, `/`-separated: readable, the same on every
 * platform, and harmless wherever it comes from: no segment is empty, starts with a dot (`.git`, `..`), is a device or
 * contains what a shell, a file system or a browser takes for more than a letter. Different URLs may want the same one.
 * @param type the media type in lower case, by which a browser on disk has to recognize the file; `undefined`: as the URL says.
 */
export function wantedPath(address: string, type: string | undefined): string {
  const { pathname, search } = new URL(address);
  const segments = pathname.split('/').slice(1);
  const last = segments.pop() || 'index';
  const folders = segments.filter((segment) => segment !== '').map((segment) => safeName(decoded(segment)));
  const query = search.length > 1 ? `~${decoded(search.slice(1))}` : '';
  const path = [...folders, fileName(decoded(last), query, type)].join('/');
  return Buffer.byteLength(path) <= MAX_PATH_BYTES ? path : '';
}

/** The extension that a path ends with, if it is one that could be of any use. */
export function extensionOf(path: string): string {
  return /\.[a-z0-9]{1,12}$/i.exec(path)?.[0] ?? '';
}

/** The relative reference that leads from one file of the copy to another. */
export function relativeReference(from: string, to: string): string {
  return posix
    .relative(posix.dirname(from), to)
    .split('/')
    .map((segment) => encodeURIComponent(segment))
    .join('/');
}

/** Paths with the same key are one file on a file system that ignores case or composes letters its own way. */
export function pathKey(path: string): string {
  return path.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD');
}

function fileName(name: string, query: string, type: string | undefined): string {
  const known = type === undefined ? undefined : EXTENSIONS[type];
  const own = extensionOf(name);
  const fits = known === undefined || known.includes(own.toLowerCase());
  // `list.html?page=2` becomes `list~page=2.html`: the extension has to stay last.
  const stem = fits ? name.slice(0, name.length - own.length) : name;
  const extension = fits ? own : known[0]!;
  return safeName(
    `${shortened(`${stem}${query}`.normalize('NFC'), MAX_NAME_BYTES - extension.length)}${extension}`,
  );
}

function safeName(name: string): string {
  const plain = shortened(name.normalize('NFC'))
    // Controls, formats (bidi), lone surrogates, other spaces; and what a platform, URL or shell reads as syntax.
    .replace(/[\p{C}\p{Z}/\\:*?"'<>|%#`$;&!^{}[\]]/gu, '_')
    .replace(/\.+$/, '_')
    .replace(/^[.~-]/, '_');
  if (plain === '') return '_';
  return DEVICE.test(plain) || pathKey(plain) === OVERFLOW_FOLDER ? `_${plain}` : plain;
}

/** Cut between characters. */
function shortened(name: string, maxBytes = MAX_NAME_BYTES): string {
  if (Buffer.byteLength(name) <= maxBytes) return name;
  let bytes = 0;
  let kept = '';
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept;
}

/** Percent-encoding undone where it is UTF-8. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
