import type { Clock } from '../../async/clock.js';
import type { Member } from './member.js';

/** Those who are to be asked for at once, together with all others of the same moment. */
export interface Gathering {
  /** Resolves when the request for it has begun. */
  add(member: Member): Promise<void>;
  /** It need not be asked for any more. */
  delete(member: Member): void;
  close(): void;
}

/** How long the first one waits for others, in ms. */
const MOMENT = 5;

/** Calls `send` with those who came within a moment. */
export function createGathering(clock: Clock, send: (members: readonly Member[]) => void): Gathering {
  const members = new Set<Member>();
  let sent: { promise: Promise<void>; resolve: () => void } | undefined;
  let timer = { cancel: () => {} };

  function flush(): void {
    const gathered = [...members];
    const { resolve } = sent!;
    members.clear();
    sent = undefined;
    send(gathered);
    resolve();
  }

  return {
    add(member) {
      members.add(member);
      if (!sent) {
        let resolve = () => {};
        sent = { promise: new Promise<void>((settle) => (resolve = settle)), resolve: () => resolve() };
        timer = clock.after(MOMENT, flush);
      }
      return sent.promise;
    },
    delete: (member) => void members.delete(member),
    close() {
      timer.cancel();
      members.clear();
      sent?.resolve();
    },
  };
}
