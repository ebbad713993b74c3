/**
 * The server of a soak that keeps 2,000 bytes of every connection: shows that a soak finds it. A tenth is found too where
 * crowds come as often as they can; on a machine that is busy with others they come far less often.
 */
import { subscribe } from 'node:diagnostics_channel';

const DOUBLES = 250;
const kept: number[][] = [];
subscribe('net.server.socket', () => kept.push(Array.from({ length: DOUBLES }, Math.random)));

// After that, as an import stands before everything else.
await import('../../loadtest/stress/soak-server.js');
