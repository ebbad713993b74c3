import { describe, expect, it } from 'vitest';
import { createLogger, forDefects, type LogOptions } from '../../server/observe/log.js';
import { HeadwaterError } from '../../shared/errors.js';

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

  it('has the code and the messages of an expected failure, and no stack', () => {
    const { logger, lines } = logInto();
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:9');
    logger.warn({ err: new HeadwaterError('source_failed', 'http://a refused the connection', { cause }) });
    expect(JSON.parse(lines[0]!).err).toEqual({
      code: 'source_failed',
      message: 'http://a refused the connection: connect ECONNREFUSED 127.0.0.1:9',
    });
  });

  it('keeps the stack of a defect, also behind an error of Headwater', () => {
    const { logger, lines } = logInto();
    const cause = new TypeError('x is not a function');
    const threw = new HeadwaterError('source_failed', 'the transform board.js threw', {
      cause,
      defect: true,
    });
    logger.warn({ err: cause });
    logger.warn({ err: threw });
    logger.warn({ err: new HeadwaterError('source_failed', 'not all URLs', { cause: threw }) });
    for (const line of lines)
      expect(JSON.parse(line).err.stack).toMatch(/TypeError: x is not a function\n +at /);
    expect(lines).toHaveLength(3);
  });

  it('has the stack of whatever is logged as a defect', () => {
    const { logger, lines } = logInto();
    forDefects(logger).error({ err: new HeadwaterError('closed', 'too late') }, 'a defect');
    expect(JSON.parse(lines[0]!).err).toMatchObject({
      code: 'closed',
      stack: expect.stringMatching(/\n +at /),
    });
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
