import { SourceError } from '../source-error.js';
import { UnexpectedStatus } from './open-stream.js';

/** By these an upstream says that it makes nothing of what it is asked; others may pass, and the id is sent again. */
const REFUSALS: ReadonlySet<number> = new Set([410, 412, 416, 422]);
/** So do these, or else a proxy in between says something that has nothing to do with the id. */
const DOUBTFUL_REFUSALS: ReadonlySet<number> = new Set([400, 431]);
/** What a field may hold (RFC 9110, section 5.5). */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The event id behind which a stream is to go on leads nowhere. */
export class IdRefused extends SourceError {
  constructor(label: string, reason: string, cause?: unknown) {
    super(
      `${label} cannot go on behind its last event id (${reason}): events may be missing, or come twice`,
      { cause },
    );
    this.name = 'IdRefused';
  }
}

/**
 * The header `Last-Event-ID`: UTF-8 (WHATWG HTML, section 9.2.3), in the form that Node takes for bytes.
 * @throws {IdRefused} for an id that no header can hold
 */
export function lastEventId(id: string, label: string): Record<string, string> {
  const text = Buffer.from(id).toString('latin1');
  if (!SENDABLE.test(text)) throw new IdRefused(label, 'it holds what no header may');
  return { 'last-event-id': text };
}

/** Whether this, when the id was sent along, may have been for its sake: it is if it comes twice in a row. */
export function isDoubtful(error: unknown): boolean {
  return error instanceof UnexpectedStatus && DOUBTFUL_REFUSALS.has(error.status);
}

/**
 * What failed, when the id was sent along; it would fail so each time if the upstream has forgotten the id. `doubted`:
 * the attempt before was answered by what {@link isDoubtful}.
 */
export function idRefusedBy(error: unknown, label: string, doubted: boolean): IdRefused | undefined {
  if (error instanceof IdRefused) return error;
  if (!(error instanceof UnexpectedStatus)) return undefined;
  const { status } = error;
  if (!REFUSALS.has(status) && !(doubted && DOUBTFUL_REFUSALS.has(status))) return undefined;
  return new IdRefused(label, `status ${status}`, error);
}
