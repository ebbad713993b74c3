import { resolve } from 'node:path';
import { defineConfig } from 'vite';

export default defineConfig({
  // Relative, so that the pages also work below a path where the server is mounted.
  base: './',
  build: {
    outDir: resolve(import.meta.dirname, '../dist/client-demo'),
    emptyOutDir: true,
    // Everything is a file of its own: the pages run under a strict content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: resolve(import.meta.dirname, 'index.html'),
        sse: resolve(import.meta.dirname, 'sse.html'),
      },
    },
  },
});
