import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Servers, browsers and benches share the machine: two files at a time keep the clocks honest.
    maxWorkers: 2,
    pool: 'forks',
  },
});
