import { Parser } from 'htmlparser2';
import { rewriteCss } from './css.js';
import { applyEdits, type Edit } from './edits.js';
import { type Attribute, type ElementLinks, linksOfElement } from './html-links.js';
import { type LinkVisitor, linkOf } from './link.js';
import { rewriteSrcset } from './srcset.js';

/**
 * Shows every reference of a page to `visit`, and puts what it answers in place; all other text stays as it is. The
 * page's `<base>` has its say in where references lead, and is taken out: the new ones are relative to the page.
 */
export function rewriteHtml(html: string, address: string, visit: LinkVisitor): string {
  const edits: Edit[] = [];
  let attributes: Attribute[] = [];
  let base = address;
  /** Where the text of the open `<style>` begins. */
  let styleStart: number | undefined;

  const put = ({ start, end, name }: Attribute, text: string) => {
    const escaped = text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
    edits.push({ start, end, text: `${name}="${escaped}"` });
  };

  /** The new value of an attribute; `undefined` where it stays. */
  const rewrite = ({ value }: Attribute, { kind, role }: ElementLinks): string | undefined => {
    switch (kind) {
      case 'url': {
        if (role === 'asset' && value.trim() === '') return undefined;
        // A reference to a place in this page is fine as it is, unless `<base>` made it one to another page.
        if (value.trim().startsWith('#') && base === address) return undefined;
        const link = linkOf(value, base, role);
        return link && visit(link);
      }
      case 'srcset':
        return rewriteSrcset(value, base, visit);
      case 'css':
        return rewriteCss(value, base, visit);
      case 'refresh': {
        const match = /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?["']?)([^"']+)/i.exec(value);
        const link = match && linkOf(match[2]!, base, role);
        const text = link && visit(link);
        return text === undefined || text === null ? undefined : `${match![1]}${text}`;
      }
    }
  };

  const parser = new Parser({
    onattribute(name, value) {
      attributes.push({ name, value, start: parser.startIndex, end: parser.endIndex });
    },
    onopentag(name) {
      const own = attributes;
      attributes = [];
      if (name === 'style') styleStart = parser.endIndex + 1;
      if (name === 'base') {
        const href = own.find((attribute) => attribute.name === 'href');
        if (!href) return;
        // The first one counts (HTML, section 4.2.3).
        if (base === address && URL.canParse(href.value, address)) base = new URL(href.value, address).href;
        edits.push({ start: href.start, end: href.end, text: '' });
        return;
      }
      const links = linksOfElement(name, own);
      let isLocal = false;
      const made: Edit[] = [];
      for (const attribute of own) {
        const what = links.get(attribute);
        if (what) {
          const text = rewrite(attribute, what);
          if (text === undefined || text === attribute.value) continue;
          isLocal ||= what.kind === 'url' && !URL.canParse(text);
          put(attribute, text);
        } else if (attribute.name === 'integrity' || attribute.name === 'crossorigin') {
          made.push({ start: attribute.start, end: attribute.end, text: '' });
        }
      }
      // From disk every file is another origin, so the browser would refuse what it has to check.
      if (isLocal && made.length > 0) {
        edits.push(...made);
        edits.sort((a, b) => a.start - b.start);
      }
    },
    onclosetag(name) {
      if (name !== 'style' || styleStart === undefined) return;
      const css = html.slice(styleStart, parser.startIndex);
      const text = rewriteCss(css, base, visit);
      // A reference that spells the end tag must not become one.
      if (text !== css)
        edits.push({ start: styleStart, end: parser.startIndex, text: text.replaceAll('</', '<\\/') });
      styleStart = undefined;
    },
  });
  parser.end(html);
  return applyEdits(html, edits);
}
