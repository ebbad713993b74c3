import type { ConfigInput } from './schema.js';

/** What is served when there is no configuration file: this machine's vital signs, and an echo on TCP. */
export const DEMO_CONFIG: ConfigInput = {
  http: { port: 8080 },
  tcp: { echo: { port: 7007 } },
  sources: [{ topic: 'system/vitals', every: '1s', fetch: { system: true } }],
};
