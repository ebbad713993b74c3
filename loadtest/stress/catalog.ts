import type { Theme } from './scenario.js';
import { churn } from './scenarios/churn.js';
import { conflicts } from './scenarios/conflicts.js';
import { exactlyOnce } from './scenarios/exactly-once.js';
import { goingAway } from './scenarios/going-away.js';
import { hostile } from './scenarios/hostile.js';
import { order } from './scenarios/order.js';
import { push } from './scenarios/push.js';
import { resume } from './scenarios/resume.js';
import { mount, size } from './scenarios/size.js';
import { slowReaders } from './scenarios/slow-readers.js';
import { sources } from './scenarios/sources.js';
import { tcp } from './scenarios/tcp.js';
import { templates } from './scenarios/templates.js';
import { transforms } from './scenarios/transforms.js';

/** All scenarios, in the order in which they run. */
export const THEMES: readonly Theme[] = [
  order,
  exactlyOnce,
  conflicts,
  slowReaders,
  resume,
  churn,
  hostile,
  sources,
  templates,
  transforms,
  push,
  goingAway,
  size,
  mount,
  tcp,
];
