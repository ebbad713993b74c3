import { applyEdits, type Edit } from './edits.js';
import { type LinkVisitor, linkOf } from './link.js';

/** Shows every image candidate of a `srcset` (HTML, section 4.8.4.2.2) to `visit`, and puts what it answers in place. */
export function rewriteSrcset(srcset: string, base: string, visit: LinkVisitor): string {
  const edits: Edit[] = [];
  let at = 0;
  while (at < srcset.length) {
    const start = at + /^[\s,]*/.exec(srcset.slice(at))![0].length;
    const word = /^\S*/.exec(srcset.slice(start))![0];
    let length = word.length;
    // Not by an expression: looking for commas at the end, it would start anew at each one of millions.
    while (word[length - 1] === ',') length--;
    const url = word.slice(0, length);
    const link = url === '' ? undefined : linkOf(url, base, 'asset');
    const text = link && visit(link);
    if (text !== undefined) edits.push({ start, end: start + url.length, text });
    at = start + word.length;
    // A comma at the end of the URL ends the candidate; otherwise its descriptors do, whose parentheses may hold commas.
    if (word === url) at += /^(?:\([^)]*\)?|[^,(])*/.exec(srcset.slice(at))![0].length;
  }
  return applyEdits(srcset, edits);
}
