import { rewriteCss } from './css.js';
import { applyEdits, type Edit } from './edits.js';
import { type Attribute, type Element, elementsOf } from './html-elements.js';
import { type ElementLinks, linksOfElement } from './html-links.js';
import { type LinkVisitor, linkOf } from './link.js';
import { rewriteSrcset } from './srcset.js';

/**
 * Shows every reference of a page to `visit`, and puts what it answers in place; all other text stays as it is. The
 * page's `<base>` has its say in where references lead, and is taken out: the new ones are relative to the page.
 */
export function rewriteHtml(html: string, address: string, visit: LinkVisitor): string {
  const edits: Edit[] = [];
  let base = address;
  for (const element of elementsOf(html)) {
    if (element.name === 'base') {
      const href = element.attributes.find(({ name }) => name === 'href');
      if (!href) continue;
      // The first one counts (HTML, section 4.2.3).
      if (base === address && URL.canParse(href.value, address)) base = new URL(href.value, address).href;
      edits.push({ start: href.start, end: href.end, text: '' });
    } else {
      edits.push(...editsOf(element, html, { address, base, visit }));
    }
  }
  return applyEdits(html, edits);
}

interface Context {
  readonly address: string;
  readonly base: string;
  readonly visit: LinkVisitor;
}

function editsOf({ name, attributes, text }: Element, html: string, context: Context): Edit[] {
  const links = linksOfElement(name, attributes);
  const edits: Edit[] = [];
  let isLocal = false;
  for (const attribute of attributes) {
    const what = links.get(attribute);
    const value = what && rewritten(attribute, what, context);
    if (value === undefined || value === attribute.value) continue;
    isLocal ||= what?.kind === 'url' && !URL.canParse(value);
    edits.push({ start: attribute.start, end: attribute.end, text: written(attribute.name, value) });
  }
  // From disk every file is another origin, so the browser would refuse what it has to check.
  if (isLocal) {
    for (const { name: check, start, end } of attributes) {
      if (check === 'integrity' || check === 'crossorigin') edits.push({ start, end, text: '' });
    }
    edits.sort((a, b) => a.start - b.start);
  }
  if (text) {
    const css = html.slice(text.start, text.end);
    const value = rewriteCss(css, context.base, context.visit);
    // A reference that spells the end tag must not become one.
    if (value !== css) edits.push({ ...text, text: value.replaceAll('</', '<\\/') });
  }
  return edits;
}

/** The new value of an attribute; `undefined` where it stays. */
function rewritten(
  { value }: Attribute,
  { kind, role }: ElementLinks,
  { address, base, visit }: Context,
): string | undefined {
  switch (kind) {
    case 'url': {
      const reference = value.trim();
      if (role === 'asset' && reference === '') return undefined;
      // A reference to a place in this page is fine as it is, unless `<base>` made it one to another page.
      if (reference.startsWith('#') && base === address) return undefined;
      const link = linkOf(value, base, role);
      return link && visit(link);
    }
    case 'srcset':
      return rewriteSrcset(value, base, visit);
    case 'css':
      return rewriteCss(value, base, visit);
    case 'refresh': {
      const match = /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?["']?)([^"']+)/i.exec(value);
      const link = match ? linkOf(match[2]!, base, role) : undefined;
      const text = link && visit(link);
      return text === undefined ? undefined : `${match![1]}${text}`;
    }
  }
}

function written(name: string, value: string): string {
  return `${name}="${value.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`;
}
