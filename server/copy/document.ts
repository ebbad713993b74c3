import type { Entry } from './catalog.js';
import { rewriteCss } from './css.js';
import { rewriteHtml } from './html.js';
import type { Link, LinkVisitor } from './link.js';
import { decodeText } from './text.js';

/** Every link of a page or style sheet, each once, in order. */
export function linksIn(bytes: Uint8Array, address: string, entry: Entry): Link[] {
  const links = new Map<string, Link>();
  rewriteDocument(bytes, address, entry, (link) => {
    links.set(`${link.role} ${link.address}`, link);
    return undefined;
  });
  return [...links.values()];
}

/** The text of a page or style sheet, with its links as `visit` would have them. */
export function rewriteDocument(
  bytes: Uint8Array,
  address: string,
  { kind, charset }: Entry,
  visit: LinkVisitor,
): string {
  const text = decodeText(bytes, charset);
  return kind === 'style' ? rewriteCss(text, address, visit) : rewriteHtml(text, address, visit);
}
