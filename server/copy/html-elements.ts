import { Tokenizer } from 'htmlparser2';

/** An attribute and where it stands, from its name to its closing quote. */
export interface Attribute {
  readonly name: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** A start tag. */
export interface Element {
  readonly name: string;
  readonly attributes: readonly Attribute[];
  /** Where the text of a `<style>` stands. */
  readonly text?: { readonly start: number; readonly end: number };
}

/**
 * Every start tag of a page, in order, with names in lower case. Only the tokens are looked at, and no tree is built:
 * that takes time in proportion to the page however it nests.
 */
export function elementsOf(html: string): Element[] {
  const elements: Element[] = [];
  let name = '';
  let attributes: Attribute[] = [];
  let attribute = { name: '', value: '', start: 0 };
  let style: { attributes: Attribute[]; start: number } | undefined;

  const endStyle = (end: number) => {
    if (style)
      elements.push({ name: 'style', attributes: style.attributes, text: { start: style.start, end } });
    style = undefined;
  };
  const endTag = (end: number) => {
    if (name === 'style') style = { attributes, start: end + 1 };
    else elements.push({ name, attributes });
  };
  const ignore = () => {};

  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true },
    {
      onopentagname(start, end) {
        name = html.slice(start, end).toLowerCase();
        attributes = [];
      },
      onattribname(start, end) {
        attribute = { name: html.slice(start, end).toLowerCase(), value: '', start };
      },
      onattribdata(start, end) {
        attribute.value += html.slice(start, end);
      },
      onattribentity(codePoint) {
        attribute.value += String.fromCodePoint(codePoint);
      },
      onattribend(_quote, end) {
        attributes.push({ ...attribute, end });
      },
      onopentagend: endTag,
      onselfclosingtag: endTag,
      onclosetag(start) {
        endStyle(html.lastIndexOf('<', start));
      },
      onend() {
        endStyle(html.length);
      },
      oncdata: ignore,
      oncomment: ignore,
      ondeclaration: ignore,
      onprocessinginstruction: ignore,
      ontext: ignore,
      ontextentity: ignore,
    },
  );
  tokenizer.write(html);
  tokenizer.end();
  return elements;
}
