import { guarded } from './defect.js';
import { handshakeRefusal, wantsWebSocket } from './handshake.js';
import type { DefectReporter, HttpHandlers, HttpRequest, HttpResponse, WebSocketUpgrade } from './policy.js';
import type { UwsBehavior, UwsContext, UwsModule, UwsRequest, UwsResponse } from './uws-native.js';
import { uwsRequest } from './uws-request.js';
import { uwsResponse } from './uws-response.js';
import type { WaitingAnswers } from './uws-waiting.js';
import { socketBehavior, type UwsUserData } from './uws-websocket.js';

export interface UwsUpgrades {
  readonly behavior: UwsBehavior;
  /** Answers a handshake that uWebSockets.js did not take for one. */
  refuseBroken(request: HttpRequest, response: HttpResponse): void;
}

/** WebSocket handshakes over uWebSockets.js, answered at once or later. */
export function uwsUpgrades(
  native: UwsModule,
  maxMessageBytes: number,
  handlers: HttpHandlers,
  report: DefectReporter,
  waiting: WaitingAnswers,
): UwsUpgrades {
  const upgrade = (res: UwsResponse, req: UwsRequest, context: UwsContext): void => {
    // The route takes every GET with a key: others may be meant for plain HTTP.
    if (!wantsWebSocket(req.getHeader('upgrade'))) {
      req.setYield(true);
      return;
    }
    const exchange = uwsRequest(res, req);
    const { request } = exchange;
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

  return {
    behavior: { ...socketBehavior(native, maxMessageBytes), upgrade },
    refuseBroken(request, response) {
      const broken = handshakeRefusal(request.method, request.header);
      response.send(broken?.status ?? 400, broken?.headers ?? {}, broken?.body);
    },
  };
}
