import { afterEach, describe, expect, it } from 'vitest';
import { currentLoopPolicy, installLoopPolicy, resolveLoopPolicy } from '../../server/loop/install.js';
import { libuv } from '../../server/loop/libuv.js';
import { uws } from '../../server/loop/uws.js';
import { HeadwaterError } from '../../shared/errors.js';

const nothingLoads = (name: string): never => {
  throw new Error(`an explanation of ${name}\n\nError: GLIBC_2.38 not found (required by ${name})`);
};

function failure(work: () => unknown): HeadwaterError {
  try {
    work();
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
  }
  throw new Error('did not fail as expected');
}

describe('choosing a loop policy', () => {
  afterEach(() => installLoopPolicy(libuv()));

  it('is libuv unless another was installed', () => {
    expect(currentLoopPolicy().name).toBe('libuv');
    const policy = uws();
    installLoopPolicy(policy);
    expect(currentLoopPolicy()).toBe(policy);
  });

  it('takes the newest uWebSockets.js that loads', () => {
    const asked: string[] = [];
    const policy = uws((name) => {
      asked.push(name);
      if (name === 'uWebSockets.js-modern') throw new Error('no');
      return {};
    });
    expect(policy.name).toBe('uws');
    expect(asked).toEqual(['uWebSockets.js-modern', 'uWebSockets.js']);
  });

  it('says of a failing uws on which machine, what was tried, why not, and what to do', () => {
    const { code, message } = failure(() => resolveLoopPolicy('uws', { load: nothingLoads }));
    expect(code).toBe('loop_unavailable');
    expect(message).toContain(`${process.platform} ${process.arch}, Node ${process.versions.node}`);
    if (process.platform === 'linux') expect(message).toMatch(/glibc/);
    expect(message).toMatch(/20\.69 .*GLIBC_2\.38 not found \(required by uWebSockets\.js-modern\)/);
    expect(message).toMatch(/20\.51 .*GLIBC_2\.38 not found \(required by uWebSockets\.js\)/);
    expect(message).toMatch(/Use the libuv loop, or a Node version and platform named above/);
    expect(message).not.toContain('\n');
  });

  it('falls back for auto alone, and tells', () => {
    const told: string[] = [];
    const onFallback = (reason: HeadwaterError): void => void told.push(reason.code);
    expect(resolveLoopPolicy('auto', { onFallback, load: nothingLoads }).name).toBe('libuv');
    expect(told).toEqual(['loop_unavailable']);
    expect(resolveLoopPolicy('auto', { onFallback, load: () => ({}) }).name).toBe('uws');
    expect(resolveLoopPolicy('libuv', { load: nothingLoads }).name).toBe('libuv');
    expect(told).toHaveLength(1);
  });
});
