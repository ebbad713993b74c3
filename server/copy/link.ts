/**
 * What a reference is for: `page`, something to go to; `style`, a style sheet; `asset`, what else a page shows or runs;
 * `mention`, what is neither followed nor shown (a form's target, the canonical address).
 */
export type LinkRole = 'page' | 'style' | 'asset' | 'mention';

/** A reference in a document to something on the web. */
export interface Link {
  /** Where it leads, in the one form that {@link addressOf} gives to every URL. */
  readonly address: string;
  /** The fragment with its `#`, or nothing. */
  readonly hash: string;
  readonly role: LinkRole;
}

/** Looks at a link; the text that shall stand in its place, or `undefined` to leave it as it is. */
export type LinkVisitor = (link: Link) => string | undefined;

/** The link that a reference makes in a document with this base; `undefined` for what is not on the web (`data:`, `mailto:`). */
export function linkOf(reference: string, base: string, role: LinkRole): Link | undefined {
  if (!URL.canParse(reference, base)) return undefined;
  const url = new URL(reference, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  return { address: addressOf(url), hash: url.hash, role };
}

/**
 * One text for all spellings of a URL (RFC 3986, section 6.2.2): percent-encoding in capitals and only where needed,
 * no userinfo, no fragment, no `?` without a query.
 */
export function addressOf(url: URL): string {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  plain.hash = '';
  // Takes away the `?` of a query that is empty.
  if (plain.search === '') plain.search = '';
  return plain.href.replace(/%([0-9a-f]{2})/gi, (encoded, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    // A decoded dot could make a dot segment out of what is none.
    return /[a-z0-9_~-]/i.test(character) ? character : encoded.toUpperCase();
  });
}
