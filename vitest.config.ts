import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Upper bounds alone, far above what anything takes: a busy machine must not fail a test.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // Servers, browsers and benches share the machine: two files at a time keep the clocks honest.
    maxWorkers: 2,
    pool: 'forks',
  },
});
