import { uws } from '../../server/loop/uws.js';
import { loopConformance } from './loop.js';

loopConformance('uws', () => ({
  policy: uws(),
  // uWebSockets.js ends the TCP connection of a peer that breaks the protocol, without a close frame.
  capabilities: { closesBrokenPeersPolitely: false },
}));
