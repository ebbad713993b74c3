/** What an event stream says. */
export interface EventStreamHandlers {
  /**
   * One event, at the blank line that ends it. `id` is the last event id in force; empty until there is one. `type` is
   * `message` where the event has no name.
   */
  event(data: string, id: string, type: string): void;
  /** A block without data moved the last event id. */
  id?(id: string): void;
  /** The field `retry`, in milliseconds. */
  retry?(milliseconds: number): void;
  /** A comment: a sign of life. Without its colon and one space after it. */
  comment?(text: string): void;
}

/**
 * A parser of `text/event-stream` (WHATWG HTML, "Interpreting an event stream") for text that comes in pieces of any
 * size: call the returned function with each piece. Decode bytes with a streaming `TextDecoder`, which also takes the
 * byte order mark off. An event that the end of the stream cuts off is dropped, as the standard says. An event of more
 * than `maxLength` characters (default: any) is answered by a RangeError, and the parser is of no use afterwards.
 * `lastEventId`: the one in force until the stream gives another, from the connection before; it is taken back by an
 * empty one.
 */
export function createEventStreamParser(
  handlers: EventStreamHandlers,
  maxLength = Number.POSITIVE_INFINITY,
  lastEventId = '',
): (text: string) => void {
  // The line that is not ended yet, in pieces: joined once, so that a long one costs no more than its length.
  let unfinished: string[] = [];
  /** Of the line that is not ended yet, and of the data so far. */
  let length = 0;
  let dataLength = 0;
  let skipLineFeed = false;
  let data: string[] = [];
  let type = '';
  let id = lastEventId;
  let dispatchedId = lastEventId;

  function dispatch(): void {
    const moved = id !== dispatchedId;
    dispatchedId = id;
    dataLength = 0;
    if (data.length > 0) {
      const text = data.join('\n');
      data = [];
      handlers.event(text, id, type || 'message');
    } else if (moved) {
      handlers.id?.(id);
    }
    type = '';
  }

  function field(name: string, value: string): void {
    if (name === 'data') {
      data.push(value);
      dataLength += value.length + 1;
    } else if (name === 'event') type = value;
    else if (name === 'id') {
      if (!value.includes('\0')) id = value;
    } else if (name === 'retry' && /^[0-9]+$/.test(value)) handlers.retry?.(Number(value));
  }

  function line(text: string): void {
    const colon = text.indexOf(':');
    if (text === '') dispatch();
    else if (colon < 0) field(text, '');
    else if (colon === 0) handlers.comment?.(text.slice(text[1] === ' ' ? 2 : 1));
    else field(text.slice(0, colon), text.slice(colon + (text[colon + 1] === ' ' ? 2 : 1)));
  }

  function hold(piece: string): void {
    unfinished.push(piece);
    length += piece.length;
    if (length + dataLength > maxLength) throw new RangeError(`an event longer than ${maxLength} characters`);
  }

  return (text) => {
    if (text === '') return;
    let start = skipLineFeed && text[0] === '\n' ? 1 : 0;
    skipLineFeed = false;
    const lineEnd = /\r\n?|\n/g;
    lineEnd.lastIndex = start;
    for (let end = lineEnd.exec(text); end; end = lineEnd.exec(text)) {
      hold(text.slice(start, end.index));
      const whole = unfinished.join('');
      unfinished = [];
      length = 0;
      line(whole);
      start = lineEnd.lastIndex;
      skipLineFeed = end[0] === '\r' && start === text.length;
    }
    if (start < text.length) hold(text.slice(start));
  };
}
