import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rewriteCss } from '../../server/copy/css.js';
import { relativeReference } from '../../server/copy/file-name.js';
import { rewriteHtml } from '../../server/copy/html.js';
import type { Link } from '../../server/copy/link.js';
import { rewriteSrcset } from '../../server/copy/srcset.js';
import { decodeText, encodeText } from '../../server/copy/text.js';

const BASE = 'http://example.com/dir/page';

function linksOf(rewrite: typeof rewriteHtml, text: string): string[] {
  const links: string[] = [];
  const same = rewrite(text, BASE, ({ role, address, hash }) => {
    links.push(`${role} ${address.replace('http://example.com', '')}${hash}`);
    return undefined;
  });
  if (!text.includes('<base')) expect(same).toBe(text);
  return links;
}

describe('links of a page', () => {
  it('are found wherever HTML can have them', () => {
    const html = `<!DOCTYPE html><link rel="StyleSheet preload" href=a.css><link rel=icon href=/i.ico><link rel=canonical href=/c>
      <a HREF='b?x=1&amp;y=2#z'>b</a><area href=area><iframe src=frame></iframe><img src=1.png srcset="2.png 2x,3.png 3x">
      <video poster=p.jpg src=v.mp4><source src=v.webm><track src=t.vtt></video><script src=s.js></script>
      <form action=/send></form><body background=bg.png><div style="background:url('d.png')">
      <style>@import "e.css"; p{background:url(f.png)}</style><object data=o.pdf></object><embed src=e.svg>
      <svg><image xlink:href="svg.png"/><use href="sprite.svg#a"/></svg><meta http-equiv=Refresh content="3; URL='next'">
      <a href="https://elsewhere.example/">e</a><noscript><img src=n.gif></noscript>`;
    expect(linksOf(rewriteHtml, html)).toEqual([
      ...[
        'style /dir/a.css',
        'asset /i.ico',
        'mention /c',
        'page /dir/b?x=1&y=2#z',
        'page /dir/area',
        'page /dir/frame',
      ],
      ...['asset /dir/1.png', 'asset /dir/2.png', 'asset /dir/3.png', 'asset /dir/p.jpg', 'asset /dir/v.mp4'],
      ...['asset /dir/v.webm', 'asset /dir/t.vtt', 'asset /dir/s.js', 'mention /send', 'asset /dir/bg.png'],
      ...['asset /dir/d.png', 'style /dir/e.css', 'asset /dir/f.png', 'page /dir/o.pdf', 'page /dir/e.svg'],
      ...[
        'asset /dir/svg.png',
        'asset /dir/sprite.svg#a',
        'page /dir/next',
        'page https://elsewhere.example/',
      ],
      'asset /dir/n.gif',
    ]);
  });

  it('are not what a script, a comment, a text field or another scheme says', () => {
    const html = `<script>"<a href=1>"</script><!-- <a href=2> --><textarea><a href=3></textarea><title><a href=4></title>
      <a href="javascript:x()">a</a><a href="mailto:a@b.example">m</a><img src="data:image/gif;base64,R0">
      <a href="#top">t</a><img src=""><a href="http://[bad">b</a><p data-href=x>`;
    expect(linksOf(rewriteHtml, html)).toEqual([]);
  });

  it('follow <base>, which is taken out', () => {
    const html = '<base target=_top href="/other/"><base href=/no/><a href=x>x</a><a href="#y">y</a>';
    expect(linksOf(rewriteHtml, html)).toEqual(['page /other/x', 'page /other/#y']);
    expect(rewriteHtml(html, BASE, ({ address }) => address)).not.toContain('href="/other/"');
  });

  it('are replaced with nothing else touched, and escaped', () => {
    const html = '<P CLASS=x><a title="keep" href=one >1</a  ><IMG alt=\'"\' src="two">';
    expect(rewriteHtml(html, BASE, () => 'a"b&c')).toBe(
      '<P CLASS=x><a title="keep" href="a&quot;b&amp;c" >1</a  ><IMG alt=\'"\' src="a&quot;b&amp;c">',
    );
  });

  it('lose the checks that a browser cannot make from disk, where they become local', () => {
    const html =
      '<link integrity=sha256-x crossorigin rel=stylesheet href=a.css><script src=b.js integrity=y></script>';
    expect(
      rewriteHtml(html, BASE, ({ role }) => (role === 'style' ? 'a.css~' : 'https://example.com/b.js')),
    ).toBe(
      '<link   rel=stylesheet href="a.css~"><script src="https://example.com/b.js" integrity=y></script>',
    );
  });

  it('cannot end the style they stand in', () => {
    const html = '<style>p{background:url(x)}</style>';
    expect(rewriteHtml(html, BASE, () => '</style><script>')).not.toMatch(/url\([^)]*<\/style/);
  });

  it('are seen again, the same, in what was written: any value survives as a reference', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
        const html = `<a href="${encodeURIComponent(text)}">x</a><img srcset="b 1x"><p style="--x:url(c)">`;
        const reference = `./${encodeURIComponent(text)}?"&'<>`;
        const written = rewriteHtml(html, BASE, ({ role }) => (role === 'page' ? reference : undefined));
        const seen: Link[] = [];
        rewriteHtml(written, BASE, (link) => void seen.push(link));
        expect(seen).toHaveLength(3);
        expect(new URL(seen[0]!.address).href).toBe(new URL(seen[0]!.address, BASE).href);
        expect(decodeURIComponent(new URL(reference, BASE).href)).toBe(decodeURIComponent(seen[0]!.address));
      }),
    );
  });

  it('take time in proportion to the page, however deep it nests', () => {
    const deep = '<div><a href=x>'.repeat(50_000);
    expect(linksOf(rewriteHtml, deep)).toHaveLength(50_000);
  });
});

describe('links of a style sheet', () => {
  it('are its imports, url() and image-set(), with escapes understood', () => {
    const css = `@charset "utf-8"; @import 'a.css' screen; @import url(b.css); @import url("c.css");
      p { background: url( "d e.png" ), URL(f\\)g.png); mask: image-set("h.png" 1x, "i.png" type("image/png") 2x) }
      @font-face { font-family: "No", "Link"; src: local("no"), url(font.woff2) format("woff2") } /* url(no) */
      q { filter: url(#no); background: url(data:image/gif;base64,R0) ; content: "no" }`;
    expect(linksOf(rewriteCss, css)).toEqual([
      ...[
        'style /dir/a.css',
        'style /dir/b.css',
        'style /dir/c.css',
        'asset /dir/d%20e.png',
        'asset /dir/f)g.png',
      ],
      ...['asset /dir/h.png', 'asset /dir/i.png', 'asset /dir/font.woff2'],
    ]);
  });

  it('are replaced with quotes around them', () => {
    const css = '@import "a.css";p{background:url(b.png)}';
    expect(rewriteCss(css, BASE, () => '../x"y')).toBe(
      '@import "../x\\22 y";p{background:url("../x\\22 y")}',
    );
  });
});

describe('srcset', () => {
  it.each([
    ['a.png', ['a.png']],
    ['a.png 1x, b.png 2x', ['a.png', 'b.png']],
    ['a.png,b.png', ['a.png,b.png']],
    ['a.png, b.png', ['a.png', 'b.png']],
    [' a,b.png 100w ,\n c.png 2x,', ['a,b.png', 'c.png']],
    ['a.png (x, y) 1x, b.png', ['a.png', 'b.png']],
    [', ,', []],
  ])('"%s" has the candidates %j', (srcset, expected) => {
    const seen: string[] = [];
    rewriteSrcset(
      srcset,
      BASE,
      ({ address }) => void seen.push(address.replace('http://example.com/dir/', '')),
    );
    expect(seen).toEqual(expected);
  });

  it('keeps its descriptors', () => {
    expect(rewriteSrcset('a.png 1x,  b.png 2x', BASE, () => 'z')).toBe('z 1x,  z 2x');
  });
});

describe('a relative reference', () => {
  it('leads from any file to any other', () => {
    const segment = fc.stringMatching(/^[a-zä_~=,()+@ -]{1,6}$/);
    const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
    fc.assert(
      fc.property(path, path, (from, to) => {
        fc.pre(!from.startsWith(`${to}/`));
        const root = new URL('file:///copy/');
        const place = new URL(from.split('/').map(encodeURIComponent).join('/'), root);
        expect(decodeURIComponent(new URL(relativeReference(from, to), place).pathname)).toBe(`/copy/${to}`);
      }),
    );
  });
});

describe('the encoding of a document', () => {
  it.each([
    ['utf-8', 'käse', Buffer.from('käse'), undefined],
    ['as the server says', 'käse', Buffer.from('käse', 'latin1'), 'iso-8859-1'],
    [
      'as a meta element says',
      '<meta charset=iso-8859-1>ä',
      Buffer.from('<meta charset=iso-8859-1>ä', 'latin1'),
      undefined,
    ],
    ['by its mark', 'ä', Buffer.from('\ufeffä', 'utf16le'), 'iso-8859-1'],
    ['windows-1252, if it is no utf-8', '€', Buffer.from([0x80]), undefined],
    ['utf-8, if the server says nonsense', 'ä', Buffer.from('ä'), 'no-such-charset'],
  ])('is %s', (_how, text, bytes, charset) => {
    expect(decodeText(bytes, charset)).toBe(text);
  });

  it('is UTF-8 with a mark once it is written, unless it is ASCII', () => {
    expect(encodeText('ä').toString()).toBe('\ufeffä');
    expect(encodeText('a').toString()).toBe('a');
  });
});
