export interface WireMessage {
  readonly at: Date;
  readonly sent: boolean;
  readonly text: string;
}

/** A `WebSocket` that also tells of every message that passes: give it to `connect`. */
export function tappedWebSocket(tap: (message: WireMessage) => void): typeof WebSocket {
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener('message', ({ data }) =>
        tap({ at: new Date(), sent: false, text: String(data) }),
      );
    }
    override send(data: Parameters<WebSocket['send']>[0]): void {
      tap({ at: new Date(), sent: true, text: String(data) });
      super.send(data);
    }
  };
}
