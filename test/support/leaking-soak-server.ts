/** The server of a soak that keeps 200 bytes of every connection: shows that a soak finds it. */
import { subscribe } from 'node:diagnostics_channel';

const DOUBLES = 25;
const kept: number[][] = [];
subscribe('net.server.socket', () => kept.push(Array.from({ length: DOUBLES }, Math.random)));

// After that, as an import stands before everything else.
await import('../../loadtest/stress/soak-server.js');
