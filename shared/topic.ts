/** The longest topic name, in bytes. Names are ASCII, so bytes and characters agree. */
export const TOPIC_MAX_BYTES = 255;

const TOPIC = /^[A-Za-z0-9\-_.~:@]+(?:\/[A-Za-z0-9\-_.~:@]+)*$/;
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/;

/**
 * Whether `name` is a topic: segments of letters, digits, `-`, `_`, `.`, `~`, `:`, `@`, joined by `/`, at most
 * 255 bytes. The segments `.` and `..` are refused because URLs (RFC 3986, 5.2.4) would fold them away.
 */
export function isTopic(name: string): boolean {
  return name.length <= TOPIC_MAX_BYTES && TOPIC.test(name) && !DOT_SEGMENT.test(name);
}
