import { TokenType, tokenizer } from '@csstools/css-tokenizer';
import { applyEdits, type Edit } from './edits.js';
import { type LinkVisitor, linkOf } from './link.js';

/** Shows every `url()` and `@import` of a style sheet (CSS Syntax Level 3) to `visit`, and puts what it answers in place. */
export function rewriteCss(css: string, base: string, visit: LinkVisitor): string {
  const edits: Edit[] = [];
  /** The functions and brackets that are open. */
  const open: string[] = [];
  let afterImport = false;

  const reference = (start: number, end: number, value: string, write: (text: string) => string) => {
    if (value === '' || value.startsWith('#')) return;
    const link = linkOf(value, base, afterImport ? 'style' : 'asset');
    const text = link && visit(link);
    if (text !== undefined) edits.push({ start, end, text: write(text) });
  };

  const tokens = tokenizer({ css });
  while (!tokens.endOfFile()) {
    const [type, , start, last, data] = tokens.nextToken();
    const end = last + 1;
    switch (type) {
      case TokenType.Whitespace:
      case TokenType.Comment:
        continue;
      case TokenType.AtKeyword:
        afterImport = data.value.toLowerCase() === 'import';
        continue;
      case TokenType.Function:
        open.push(data.value.toLowerCase());
        // `@import url("a.css")`: the string is still to come.
        if (open.at(-1) === 'url') continue;
        break;
      case TokenType.OpenParen:
        open.push('(');
        break;
      case TokenType.CloseParen:
        open.pop();
        break;
      case TokenType.URL:
        reference(start, end, data.value, (text) => `url(${quoted(text)})`);
        break;
      case TokenType.String:
        if (afterImport || REFERRING.has(open.at(-1) ?? '')) reference(start, end, data.value, quoted);
        break;
    }
    afterImport = false;
  }
  return applyEdits(css, edits);
}

/** Functions whose strings are references (CSS Values 4, section 4.5; CSS Images 4, section 2.5). */
const REFERRING: ReadonlySet<string> = new Set(['url', 'src', 'image-set', '-webkit-image-set']);

function quoted(text: string): string {
  return `"${text.replace(/["\\\n\r\f]/g, (character) => `\\${character.codePointAt(0)!.toString(16)} `)}"`;
}
