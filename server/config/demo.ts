import { sunPosition } from './demo-sun.js';
import type { ConfigInput } from './schema.js';

/**
 * What is served when there is no configuration file: this machine's vital signs, the place where the Sun stands
 * overhead (a source in code), and an echo on TCP. It needs no internet.
 */
export const DEMO_CONFIG: ConfigInput = {
  http: { port: 8080 },
  tcp: { echo: { port: 7007 } },
  sources: [
    { topic: 'system/vitals', every: '1s', fetch: { system: true } },
    { topic: 'earth/sun', every: '1s', fetch: () => sunPosition(Date.now()) },
  ],
};
