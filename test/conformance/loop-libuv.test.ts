import { libuv } from '../../server/loop/libuv.js';
import { loopConformance } from './loop.js';

loopConformance('libuv', () => ({
  policy: libuv(),
  capabilities: { closesBrokenPeersPolitely: true },
}));
