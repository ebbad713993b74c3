import { formatCursor } from '../../shared/cursor.js';
import { HeadwaterError } from '../../shared/errors.js';
import type { HttpHeaders, HttpRequest } from '../loop/policy.js';
import type { TopicView } from '../store/topic.js';
import { problem, type Reply } from './problem.js';

/** The strong entity tag of a topic's current version (RFC 9110, 8.8.3): `"epoch:version"`. */
export function etagOf(topic: TopicView): string {
  return `"${formatCursor(topic)}"`;
}

/** The entity tags of a header; weak ones as strong ones where `weakToo`. */
function tagsIn(header: string, weakToo: boolean): string[] {
  return header.split(',').map((tag) => (weakToo ? tag.trim().replace(/^W\//, '') : tag.trim()));
}

const isAny = (header: string) => header.trim() === '*';

/** Whether an `If-None-Match` names what has this entity tag (RFC 9110, 13.1.2; compared weakly). */
export function holds(ifNoneMatch: string | undefined, etag: string): boolean {
  return ifNoneMatch !== undefined && (isAny(ifNoneMatch) || tagsIn(ifNoneMatch, true).includes(etag));
}

/** Whether the client holds the current version already. */
export function isUnmodified(request: HttpRequest, topic: TopicView): boolean {
  // An event topic is there before its first event; a state topic begins with its first value.
  if (topic.version === 0 && topic.kind === 'state') return false;
  return holds(request.header('if-none-match'), etagOf(topic));
}

/**
 * Lets a conditional write through only if nobody wrote since (`If-Match`; RFC 9110, 13.1.1, compared strongly), or
 * at all (`If-None-Match: *`; 13.1.2). A commit that waits for its flush counts: its writer was first.
 * @throws {PreconditionFailed}
 */
export function requireMatch(request: HttpRequest, topic: TopicView): void {
  const expected = request.header('if-match');
  const held = request.header('if-none-match');
  const exists = topic.version > 0 || topic.dirty;
  const isCurrent = (header: string, weakToo: boolean) =>
    !topic.dirty && topic.version > 0 && tagsIn(header, weakToo).includes(etagOf(topic));
  const matches = expected === undefined || (isAny(expected) ? exists : isCurrent(expected, false));
  const isNew = held === undefined || !(isAny(held) ? exists : isCurrent(held, true));
  if (!matches || !isNew) throw new PreconditionFailed(topic);
}

/** Someone else wrote first. */
export class PreconditionFailed extends HeadwaterError {
  readonly reply: Reply;

  constructor(topic: TopicView) {
    const detail = `"${topic.name}" has moved on: it is at ${etagOf(topic)} now; read it and try again`;
    super('bad_request', detail);
    this.reply = problem('bad_request', detail, 412, { etag: etagOf(topic) });
  }
}

/** Validators and age of a topic's current version (RFC 9110, 8.8; RFC 9111, 5.1). */
export function validators(topic: TopicView, now: number): HttpHeaders {
  const headers: Record<string, string> = { etag: etagOf(topic) };
  if (topic.changedAt !== undefined) headers['last-modified'] = new Date(topic.changedAt).toUTCString();
  if (topic.asOf !== undefined) headers.age = String(Math.max(0, Math.floor((now - topic.asOf) / 1000)));
  return headers;
}
