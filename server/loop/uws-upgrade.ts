import { guarded } from './defect.js';
import { framingRefusal } from './framing.js';
import { handshakeRefusal, wantsWebSocket } from './handshake.js';
import type { DefectReporter, HttpHandlers, WebSocketUpgrade } from './policy.js';
import type { UwsBehavior, UwsContext, UwsModule, UwsRequest, UwsResponse } from './uws-native.js';
import { uwsRequest } from './uws-request.js';
import { uwsResponse } from './uws-response.js';
import type { WaitingAnswers } from './uws-waiting.js';
import { socketBehavior, type UwsUserData } from './uws-websocket.js';

/** WebSocket handshakes over uWebSockets.js, answered at once or later. */
export function upgradeBehavior(
  native: UwsModule,
  maxMessageBytes: number,
  handlers: HttpHandlers,
  report: DefectReporter,
  waiting: WaitingAnswers,
): UwsBehavior {
  const upgrade = (res: UwsResponse, req: UwsRequest, context: UwsContext): void => {
    // The route takes every GET with a key: others may be meant for plain HTTP.
    if (!wantsWebSocket(req.getHeader('upgrade'))) {
      req.setYield(true);
      return;
    }
    const exchange = uwsRequest(res, req);
    const { request } = exchange;
    if (framingRefusal(request.header)) {
      res.close();
      return;
    }
    const response = uwsResponse(res, exchange, report, waiting);
    const broken = handshakeRefusal(request.method, request.header);
    if (broken) {
      response.send(broken.status, broken.headers, broken.body);
      return;
    }

    const key = request.header('sec-websocket-key') ?? '';
    const upgradeLater: WebSocketUpgrade = {
      accept({ protocol = '', open }) {
        if (!response.take()) return;
        const data: UwsUserData = { options: { open, maxMessageBytes, report } };
        res.cork(() => res.upgrade(data, key, protocol, '', context));
      },
      refuse: response.send,
      onAbort: response.onAbort,
    };
    guarded(() => handlers.upgrade(request, upgradeLater), response.cut, report, 'upgrade');
  };

  return { ...socketBehavior(native, maxMessageBytes), upgrade };
}
