import { describe, expect, it } from 'vitest';
import { createLogger, type LogOptions } from '../../server/observe/log.js';

function logInto(options: LogOptions = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    pretty: false,
    destination: { write: (line) => lines.push(line) },
    ...options,
  });
  return { logger, lines };
}

describe('the log', () => {
  it('writes one JSON object a line, with its level as a word and its time as ISO 8601', () => {
    const { logger, lines } = logInto();
    logger.info({ topic: 'quotes' }, 'fetched');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      topic: 'quotes',
      msg: 'fetched',
    });
  });

  it('censors what is called like a secret, as deep as three levels', () => {
    const { logger, lines } = logInto();
    logger.info({
      token: 's3cret',
      headers: { authorization: 's3cret' },
      request: { authorization: 's3cret', cookie: 's3cret', 'set-cookie': 's3cret' },
      config: { publish: { tokens: ['s3cret'] } },
    });
    expect(lines[0]).not.toContain('s3cret');
    expect(lines[0]).toContain('(secret)');
  });

  it('survives a thrown value that cannot be looked at', () => {
    const { logger, lines } = logInto();
    const refuse = () => {
      throw new Error('no');
    };
    logger.warn({ err: new Proxy({}, { get: refuse }) }, 'a fetch failed');
    logger.warn({ err: Object.defineProperty({}, 'a', { get: refuse, enumerable: true }) }, 'a fetch failed');
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['a fetch failed', 'a fetch failed']);
  });

  it('keeps a secret from people too', () => {
    const { logger, lines } = logInto({ pretty: true });
    logger.warn({ token: 's3cret' }, 'odd');
    expect(lines.join('')).toContain('odd');
    expect(lines.join('')).not.toContain('s3cret');
  });

  it('leaves out what is below its level', () => {
    const { logger, lines } = logInto({ level: 'warn' });
    logger.info('quiet');
    expect(logger.isLevelEnabled('info')).toBe(false);
    expect(lines).toEqual([]);
  });
});
