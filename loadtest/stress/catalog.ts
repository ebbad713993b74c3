import type { Theme } from './scenario.js';
import { churn } from './scenarios/churn.js';
import { conflicts } from './scenarios/conflicts.js';
import { exactlyOnce } from './scenarios/exactly-once.js';
import { hostile } from './scenarios/hostile.js';
import { order } from './scenarios/order.js';
import { resume } from './scenarios/resume.js';
import { slowReaders } from './scenarios/slow-readers.js';

/** All scenarios, in the order in which they run. */
export const THEMES: readonly Theme[] = [order, exactlyOnce, conflicts, slowReaders, resume, churn, hostile];
