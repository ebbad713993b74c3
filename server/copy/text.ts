/** What a page or style sheet says, from its bytes, in the encoding that a browser would take (WHATWG Encoding). */
export function decodeText(bytes: Uint8Array, charset: string | undefined): string {
  const label = byteOrderMark(bytes) ?? known(charset) ?? known(declared(bytes));
  if (label === WINDOWS_1252) return decodeWindows1252(bytes);
  if (label !== undefined) return new TextDecoder(label).decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return decodeWindows1252(bytes);
  }
}

const WINDOWS_1252 = 'windows-1252';
/** What windows-1252 has at 0x80 to 0x9f (WHATWG Encoding, index windows-1252). */
const HIGH_CONTROLS = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** Node 20's own decoder takes it for ISO 8859-1, and turns its quotation marks into controls. */
function decodeWindows1252(bytes: Uint8Array): string {
  const text = new TextDecoder(WINDOWS_1252).decode(bytes);
  return text.replace(/[\x80-\x9f]/g, (control) => HIGH_CONTROLS[control.charCodeAt(0) - 0x80]!);
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
