import { open } from 'node:fs/promises';
import type { Job } from './frontier.js';

/** What a file is. */
export interface MediaType {
  readonly kind: 'page' | 'style' | 'other';
  /** As the server said, in lower case; `undefined` if it said nothing. */
  readonly type: string | undefined;
  readonly charset: string | undefined;
  /** The type by which to name the file; `undefined`: by its URL. */
  readonly naming: string | undefined;
}

const SNIFFED_BYTES = 1024;

/** What an answer is, by its Content-Type, by what it is needed for, and by a look at it. */
export async function mediaTypeOf(
  header: string | string[] | undefined,
  { role, address }: Job,
  file: string,
): Promise<MediaType> {
  const text = typeof header === 'string' ? header : '';
  const said = /^\s*([\w.+-]+\/[\w.+-]+)/.exec(text)?.[1]?.toLowerCase();
  const charset = /;\s*charset\s*=\s*"?([\w-]{1,40})/i.exec(text)?.[1];
  const type = said ?? guessed(address, role);
  if (type === 'text/css' && role !== 'asset') return { kind: 'style', type, charset, naming: type };
  const isMarkup = type === 'text/html' || type === 'application/xhtml+xml';
  if (!isMarkup) return { kind: 'other', type, charset, naming: type };
  // Many a server calls everything HTML: an image is not to be read as text and written as such.
  if (role === 'page' && !(await isBinary(file))) return { kind: 'page', type, charset, naming: type };
  return { kind: 'other', type, charset, naming: undefined };
}

function guessed(address: string, role: Job['role']): string | undefined {
  const { pathname } = new URL(address);
  if (/\.css$/i.test(pathname)) return 'text/css';
  return role === 'page' && /(?:\/|\.html?|\/[^.]*)$/i.test(pathname) ? 'text/html' : undefined;
}

/** Whether a file has zero bytes and is no UTF-16 (WHATWG MIME Sniffing, section 7). */
async function isBinary(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    const mark = head.subarray(0, 2).toString('latin1');
    return mark !== '\xfe\xff' && mark !== '\xff\xfe' && head.includes(0);
  } finally {
    await file.close();
  }
}
