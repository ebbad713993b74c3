import { afterEach, describe } from 'vitest';
import { cleanUp, type MakeLoop } from './loop-client.js';
import { httpConformance } from './loop-http.js';
import { lastingStreamConformance } from './loop-lasting-stream.js';
import { listenerConformance } from './loop-listener.js';
import { slowReaderConformance } from './loop-slow-readers.js';
import { streamConformance } from './loop-stream.js';
import { tcpConformance } from './loop-tcp.js';
import { webSocketConformance } from './loop-websocket.js';
import { webSocketEdgeConformance } from './loop-websocket-edges.js';

/** What every loop policy must do. A policy is done when this passes unchanged. */
export function loopConformance(name: string, make: MakeLoop): void {
  describe(`the loop policy ${name}`, () => {
    afterEach(cleanUp);
    tcpConformance(make);
    httpConformance(make);
    streamConformance(make);
    lastingStreamConformance(make);
    slowReaderConformance(make);
    webSocketConformance(make);
    webSocketEdgeConformance(make);
    listenerConformance(make);
  });
}
