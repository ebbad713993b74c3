import { HeadwaterError } from '../../shared/errors.js';

/**
 * Knows who is inside: counts the connections that stay (WebSocket, SSE, waiting long-polls), turns away those over
 * a limit, and tells when all of them and all requests in work have ended.
 */
export interface Gatekeeper {
  /**
   * Lets one in and returns what lets it out, which may be called twice.
   * @throws {HeadwaterError} `unavailable` while the server drains, `limit` over a limit.
   */
  admit(address: string): () => void;
  /** Notes that a request is in work and returns what ends it. */
  begin(): () => void;
  /** Admits nobody from now on; resolves when nobody is inside any more and no request is in work. */
  shut(): Promise<void>;
  readonly isShut: boolean;
  readonly inside: number;
}

/** 0: no limit. */
export function createGatekeeper(limits: { connections: number; connectionsPerAddress: number }): Gatekeeper {
  const byAddress = new Map<string, number>();
  let inside = 0;
  let inWork = 0;
  let isShut = false;
  let emptied: () => void = () => {};
  const empty = new Promise<void>((resolve) => {
    emptied = resolve;
  });

  function checkEmpty(): void {
    if (isShut && inside === 0 && inWork === 0) emptied();
  }

  function release(address: string): void {
    inside -= 1;
    checkEmpty();
    const left = (byAddress.get(address) ?? 0) - 1;
    if (left > 0) byAddress.set(address, left);
    else byAddress.delete(address);
  }

  return {
    get isShut() {
      return isShut;
    },
    get inside() {
      return inside;
    },
    admit(address) {
      if (isShut) throw new HeadwaterError('unavailable', 'this server is going away: come back in a moment');
      const { connections, connectionsPerAddress } = limits;
      if (connections > 0 && inside >= connections) {
        throw new HeadwaterError(
          'limit',
          `this server holds ${connections} connections, the most allowed: come back later`,
        );
      }
      const here = byAddress.get(address) ?? 0;
      if (connectionsPerAddress > 0 && here >= connectionsPerAddress) {
        throw new HeadwaterError(
          'limit',
          `your address holds ${here} connections, the most allowed: close one first`,
        );
      }
      inside += 1;
      byAddress.set(address, here + 1);
      let released = false;
      return () => {
        if (released) return;
        released = true;
        release(address);
      };
    },
    begin() {
      inWork += 1;
      return () => {
        inWork -= 1;
        checkEmpty();
      };
    },
    shut() {
      isShut = true;
      checkEmpty();
      return empty;
    },
  };
}
