/** What an event stream says. Comments say nothing. */
export interface EventStreamHandlers {
  /** One event, at the blank line that ends it. `id` is the last event id in force; empty until there is one. */
  event(data: string, id: string): void;
  /** A block without data moved the last event id. */
  id?(id: string): void;
  /** The field `retry`, in milliseconds. */
  retry?(milliseconds: number): void;
}

/**
 * A parser of `text/event-stream` (WHATWG HTML, "Interpreting an event stream") for text that comes in pieces of any
 * size: call the returned function with each piece. Decode bytes with a streaming `TextDecoder`, which also takes
 * the byte order mark off. The field `event` is read over: Headwater names no events. An event that the end of the
 * stream cuts off is dropped, as the standard says.
 */
export function createEventStreamParser(handlers: EventStreamHandlers): (text: string) => void {
  // The line that is not ended yet, in pieces: joined once, so that a long one costs no more than its length.
  let unfinished: string[] = [];
  let skipLineFeed = false;
  let data: string[] = [];
  let id = '';
  let dispatchedId = '';

  function dispatch(): void {
    const moved = id !== dispatchedId;
    dispatchedId = id;
    if (data.length > 0) {
      const text = data.join('\n');
      data = [];
      handlers.event(text, id);
    } else if (moved) {
      handlers.id?.(id);
    }
  }

  function field(name: string, value: string): void {
    if (name === 'data') data.push(value);
    else if (name === 'id') {
      if (!value.includes('\0')) id = value;
    } else if (name === 'retry' && /^[0-9]+$/.test(value)) handlers.retry?.(Number(value));
  }

  function line(text: string): void {
    const colon = text.indexOf(':');
    if (text === '') dispatch();
    else if (colon < 0) field(text, '');
    else if (colon > 0) field(text.slice(0, colon), text.slice(colon + (text[colon + 1] === ' ' ? 2 : 1)));
  }

  return (text) => {
    if (text === '') return;
    let start = skipLineFeed && text[0] === '\n' ? 1 : 0;
    skipLineFeed = false;
    const lineEnd = /\r\n?|\n/g;
    lineEnd.lastIndex = start;
    for (let end = lineEnd.exec(text); end; end = lineEnd.exec(text)) {
      unfinished.push(text.slice(start, end.index));
      const whole = unfinished.join('');
      unfinished = [];
      line(whole);
      start = lineEnd.lastIndex;
      skipLineFeed = end[0] === '\r' && start === text.length;
    }
    if (start < text.length) unfinished.push(text.slice(start));
  };
}
