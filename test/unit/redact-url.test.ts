import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactUrl } from '../../server/web/redact-url.js';

describe('a URL that is shown', () => {
  it.each([
    ['https://a.example/x?page=1#y', 'https://a.example/x?page=1#y'],
    ['https://me:pw@a.example/', 'https://(secret)@a.example/'],
    ['https://me@a.example', 'https://(secret)@a.example'],
    ['https://me:p@w@a.example/x@y', 'https://(secret)@a.example/x@y'],
    ['https://a.example/?api_key=1&q=2', 'https://a.example/?api_key=(secret)&q=2'],
    [
      'https://a.example/?q=2&access%5Ftoken=1;sig=3',
      'https://a.example/?q=2&access%5Ftoken=(secret);sig=(secret)',
    ],
    [
      'https://a.example/?X-Amz-Signature=1&Password=2',
      'https://a.example/?X-Amz-Signature=(secret)&Password=(secret)',
    ],
    ['https://a.example/#access_token=1', 'https://a.example/#access_token=(secret)'],
    ['https://a.example/?key', 'https://a.example/?key'],
    ['https://a.example/?%zz=1', 'https://a.example/?%zz=1'],
    ['no url', 'no url'],
  ])('%s becomes %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });

  it('never says a password, nor the value of a secret parameter', () => {
    const secret = fc.stringMatching(/^[0-9]{12}$/);
    const name = fc.constantFrom('apikey', 'token', 'client_secret', 'sig', 'Authorization', 'session_id');
    fc.assert(
      fc.property(secret, secret, name, fc.webPath(), (password, value, parameter, path) => {
        const shown = redactUrl(`https://user:${password}@a.example${path}?x=1&${parameter}=${value}&y=2`);
        expect(shown).not.toContain(password);
        expect(shown).not.toContain(value);
        expect(shown).toMatch(/\?x=1&.*&y=2$/);
      }),
    );
  });
});
