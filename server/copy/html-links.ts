import type { Attribute } from './html-elements.js';
import type { LinkRole } from './link.js';

/** How to read an attribute that refers to something. */
export interface ElementLinks {
  readonly kind: 'url' | 'srcset' | 'css' | 'refresh';
  readonly role: LinkRole;
}

const PAGE: ElementLinks = { kind: 'url', role: 'page' };
const STYLE: ElementLinks = { kind: 'url', role: 'style' };
const ASSET: ElementLinks = { kind: 'url', role: 'asset' };
const MENTION: ElementLinks = { kind: 'url', role: 'mention' };
const SRCSET: ElementLinks = { kind: 'srcset', role: 'asset' };
const CSS: ElementLinks = { kind: 'css', role: 'asset' };
const REFRESH: ElementLinks = { kind: 'refresh', role: 'page' };

/** The attributes that refer to something, by element (HTML, "Attributes"; SVG 2, "Linking"; and what was once allowed). */
const BY_ELEMENT: Readonly<Record<string, Readonly<Record<string, ElementLinks>>>> = {
  a: { href: PAGE, 'xlink:href': PAGE },
  area: { href: PAGE },
  iframe: { src: PAGE },
  frame: { src: PAGE },
  object: { data: PAGE },
  embed: { src: PAGE },
  img: { src: ASSET, srcset: SRCSET, longdesc: MENTION },
  source: { src: ASSET, srcset: SRCSET },
  video: { src: ASSET, poster: ASSET },
  audio: { src: ASSET },
  track: { src: ASSET },
  script: { src: ASSET, href: ASSET, 'xlink:href': ASSET },
  input: { src: ASSET, formaction: MENTION },
  button: { formaction: MENTION },
  form: { action: MENTION },
  body: { background: ASSET },
  table: { background: ASSET },
  tr: { background: ASSET },
  td: { background: ASSET },
  th: { background: ASSET },
  image: { src: ASSET, href: ASSET, 'xlink:href': ASSET },
  feimage: { href: ASSET, 'xlink:href': ASSET },
  use: { href: ASSET, 'xlink:href': ASSET },
  blockquote: { cite: MENTION },
  q: { cite: MENTION },
  ins: { cite: MENTION },
  del: { cite: MENTION },
};

/** Which of an element's attributes refer to something. Of two with one name the first counts. */
export function linksOfElement(
  element: string,
  attributes: readonly Attribute[],
): Map<Attribute, ElementLinks> {
  const links = new Map<Attribute, ElementLinks>();
  const names = new Set<string>();
  for (const attribute of attributes) {
    if (names.has(attribute.name)) continue;
    names.add(attribute.name);
    const what = linksOfAttribute(element, attribute.name, attributes);
    if (what) links.set(attribute, what);
  }
  return links;
}

function linksOfAttribute(
  element: string,
  name: string,
  attributes: readonly Attribute[],
): ElementLinks | undefined {
  if (name === 'style') return CSS;
  if (element === 'link')
    return name === 'imagesrcset' ? SRCSET : name === 'href' ? linkElement(attributes) : undefined;
  if (element === 'meta') return name === 'content' && isRefresh(attributes) ? REFRESH : undefined;
  return Object.hasOwn(BY_ELEMENT, element) ? BY_ELEMENT[element]![name] : undefined;
}

function linkElement(attributes: readonly Attribute[]): ElementLinks {
  const relations = attributeValue(attributes, 'rel').toLowerCase().split(/\s+/);
  if (relations.includes('stylesheet')) return STYLE;
  const isShown = relations.some((relation) => /icon|^manifest$|^preload$|^modulepreload$/.test(relation));
  if (!isShown) return MENTION;
  return attributeValue(attributes, 'as').toLowerCase() === 'style' ? STYLE : ASSET;
}

function isRefresh(attributes: readonly Attribute[]): boolean {
  return attributeValue(attributes, 'http-equiv').toLowerCase() === 'refresh';
}

function attributeValue(attributes: readonly Attribute[], name: string): string {
  return attributes.find((attribute) => attribute.name === name)?.value ?? '';
}
