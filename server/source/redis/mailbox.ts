import type { Clock } from '../../async/clock.js';
import { interruptible } from '../../async/interruptible.js';

/** Holds messages that come when they like for a reader that takes them when it can. */
export interface Mailbox {
  /** Beyond the bounds the message is dropped, and counted. */
  put(message: string): void;
  /** Resolves when there is a message, or after `wait` ms; rejects when `signal` aborts. */
  something(wait: number, signal: AbortSignal): Promise<void>;
  /** What came since the last time. */
  take(): { messages: string[]; dropped: number };
}

export function createMailbox(bounds: { messages: number; characters: number }, clock: Clock): Mailbox {
  let messages: string[] = [];
  let characters = 0;
  let dropped = 0;
  let wake = () => {};

  return {
    put(message) {
      if (messages.length >= bounds.messages || characters + message.length > bounds.characters) dropped += 1;
      else {
        messages.push(message);
        characters += message.length;
      }
      wake();
    },
    async something(wait, signal) {
      if (messages.length > 0) return;
      await interruptible<void>(signal, (resolve) => {
        const timer = clock.after(wait, resolve);
        wake = resolve;
        return () => timer.cancel();
      });
    },
    take() {
      const taken = { messages, dropped };
      messages = [];
      characters = 0;
      dropped = 0;
      return taken;
    },
  };
}
