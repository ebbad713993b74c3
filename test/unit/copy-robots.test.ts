import { describe, expect, it } from 'vitest';
import { robotsFrom } from '../../server/copy/robots.js';

const SITE = 'http://example.com';

/** What RFC 9309 says, by its sections. */
describe('robots.txt (RFC 9309)', () => {
  it.each<[section: string, robots: string, path: string, allowed: boolean]>([
    [
      '2.2.1: the group of our name counts',
      'User-agent: *\nDisallow: /\n\nUser-agent: Headwater\nAllow: /',
      '/a',
      true,
    ],
    [
      '2.2.1: otherwise that of *',
      'User-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /b',
      '/b/c',
      false,
    ],
    ['2.2.1: no group for us allows everything', 'User-agent: other\nDisallow: /', '/a', true],
    [
      '2.2.1: groups of one name are one',
      'User-agent: headwater\nDisallow: /a\n\nUser-agent: headwater\nDisallow: /b',
      '/a',
      false,
    ],
    [
      '2.2.1: a group has several names',
      'User-agent: other\nUser-agent: headwater\nDisallow: /a',
      '/a',
      false,
    ],
    ['2.2.2: the longest match wins', 'User-agent: *\nDisallow: /a\nAllow: /a/b', '/a/b/c', true],
    ['2.2.2: of equal ones allow wins', 'User-agent: *\nDisallow: /a\nAllow: /a', '/a', true],
    ['2.2.2: case counts in paths', 'User-agent: *\nDisallow: /A', '/a', true],
    ['2.2.2: an empty rule matches nothing', 'User-agent: *\nDisallow:', '/a', true],
    [
      '2.2.2: percent-encoding is no difference',
      'User-agent: *\nDisallow: /foo/bar/ツ',
      '/foo/bar/%E3%83%84',
      false,
    ],
    ['2.2.3: * stands for anything', 'User-agent: *\nDisallow: /*.gif', '/x/y.gif?z', false],
    ['2.2.3: $ stands for the end', 'User-agent: *\nDisallow: /*.gif$', '/x/y.gif?z', true],
    ['2.2.3: # begins a comment', 'User-agent: * # all\nDisallow: /a # not this', '/a', false],
    [
      '2.2.4: other records are no end of a group',
      'User-agent: *\nSitemap: http://x/\nCrawl-delay: 5\nDisallow: /a',
      '/a',
      false,
    ],
    ['queries are part of the path', 'User-agent: *\nDisallow: /s?q=', '/s?q=1', false],
    ['2.2: a mark at the beginning is ignored', '\ufeffUser-agent: *\nDisallow: /a', '/a', false],
    ['2.2: lines end in any way', 'User-agent: *\rDisallow: /a\r\nDisallow: /b', '/b', false],
    [
      '2.3.1.1: what cannot be parsed is ignored',
      '<html>\n\0\0\nUser-agent: *\nnonsense\nDisallow: /a',
      '/a',
      false,
    ],
  ])('%s', (_section, robots, path, allowed) => {
    expect(robotsFrom(SITE, robots)(new URL(path, SITE).href)).toBe(allowed);
  });

  it('takes no long time over patterns that are made to', () => {
    const robots = `User-agent: *\nDisallow: /${'*a'.repeat(2000)}b`;
    expect(robotsFrom(SITE, robots)(`${SITE}/${'a'.repeat(3000)}`)).toBe(true);
  });
});
