/** Stable codes of the errors of this library. */
export type AsyncErrorCode =
  | 'ABORT_ERR'
  | 'timeout'
  | 'no_owner'
  | 'owner_ended'
  | 'invalid_state'
  | 'queue_empty'
  | 'queue_full'
  | 'queue_shut_down'
  | 'executor_closed'
  | 'worker_lost';

/** The base of the errors that this library throws on purpose. Callers match on `code`. */
export class AsyncError extends Error {
  readonly code: AsyncErrorCode;

  constructor(code: AsyncErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AsyncError';
    this.code = code;
  }
}

/**
 * Work was cancelled; `cause` is the reason, if one was given. Its `name` and `code` are those of Node's and the
 * platform's abort errors (`AbortError`, `ABORT_ERR`), so that code written for these understands it.
 */
export class CancelledError extends AsyncError {
  constructor(message = 'The work was cancelled.', options?: { cause?: unknown }) {
    super('ABORT_ERR', message, options);
    this.name = 'AbortError';
  }
}

/** A deadline passed; what was cancelled because of it has ended. */
export class TimeoutError extends AsyncError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('timeout', message, options);
    this.name = 'TimeoutError';
  }
}

/** Several failures that happened side by side, in `errors`; groups nest. */
export class ExceptionGroup extends AggregateError {
  constructor(what: string, errors: unknown[]) {
    const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    super(errors, `${what}: ${messages.join('; ')}`);
    this.name = 'ExceptionGroup';
  }
}

/** `getNowait` on a queue that has nothing. */
export class QueueEmpty extends AsyncError {
  constructor() {
    super('queue_empty', 'The queue has no item; wait for one with get().');
    this.name = 'QueueEmpty';
  }
}

/** `putNowait` on a queue that has no room. */
export class QueueFull extends AsyncError {
  constructor(maxSize: number) {
    super('queue_full', `The queue holds its ${maxSize} items; wait for room with put().`);
    this.name = 'QueueFull';
  }
}

/** The queue was closed: it takes no item any more and, once it is empty, gives none. */
export class QueueShutDown extends AsyncError {
  constructor() {
    super('queue_shut_down', 'The queue was closed.');
    this.name = 'QueueShutDown';
  }
}

/** What `cancel(reason)` and a foreign signal's reason become: one kind of error for every cancellation. */
export function toCancelled(reason: unknown, what: string): CancelledError {
  if (reason instanceof CancelledError) return reason;
  if (typeof reason === 'string') return new CancelledError(reason);
  if (reason === undefined || isAbortError(reason)) return new CancelledError(`${what} was cancelled.`);
  return new CancelledError(`${what} was cancelled.`, { cause: reason });
}

/** Whether this is how the platform, Node or this library says that work was aborted. */
export function isAbortError(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError';
}

/** Does what makes errors whose stack nobody will read: to record one costs more than most of what surrounds it. */
export function withoutStack<T>(work: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
