/** What a page or style sheet says, from its bytes, in the encoding that a browser would take (WHATWG Encoding). */
export function decodeText(bytes: Uint8Array, charset: string | undefined): string {
  const label = byteOrderMark(bytes) ?? known(charset) ?? known(declared(bytes));
  if (label !== undefined) return new TextDecoder(label).decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** UTF-8, with a mark that tells so wherever it matters: on disk there is no Content-Type to say it. */
export function encodeText(text: string): Buffer {
  const isAscii = !/[^\0-\x7f]/.test(text);
  return Buffer.from(isAscii ? text : `\ufeff${text}`);
}

function byteOrderMark([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return first === 0xff && second === 0xfe ? 'utf-16le' : undefined;
}

/** What the first kilobyte declares: `<meta charset>` or `@charset`. */
function declared(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 1024)).toString('latin1');
  return (
    /^@charset "([^"]{1,40})"/.exec(head)?.[1] ??
    /<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{1,40})/i.exec(head)?.[1]
  );
}

function known(label: string | undefined): string | undefined {
  if (label === undefined) return undefined;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}
