import type { Theme } from './scenario.js';
import { order } from './scenarios/order.js';

/** All scenarios, in the order in which they run. */
export const THEMES: readonly Theme[] = [order];
