import { HeadwaterError } from '../../shared/errors.js';
import { TOPIC_MAX_BYTES } from '../../shared/topic.js';
import type { Listener, LoopPolicy, TcpConnection, TcpHandlers, TcpListenOptions } from '../loop/policy.js';
import type { EdgeContext } from './context.js';
import { createLineReader, TOO_LONG } from './line-reader.js';
import { wireErrorOf } from './problem.js';

/** Lines of one connection that may wait for their answers to leave; then no more is read. */
const IN_WORK = 8;

type RaceContext = Pick<EdgeContext, 'races' | 'gatekeeper' | 'limitHits' | 'report'>;

/** Where races are listened for. */
export interface RaceListener extends Listener {
  /** Reads no more, sends what is due, and closes each connection after that. */
  drain(): void;
}

/**
 * Serves races over TCP: each line names a source, and is answered, in order, by one line of JSON like that of
 * `GET /race/{source}`, or by an `error` message (PROTOCOL section 4). What a connection costs is bounded: while 8 of
 * its lines are not answered, or it does not take its answers, nothing more is read. When its client has gone, its races
 * are called off.
 * @throws {HeadwaterError} `port_in_use`, `listen_failed`
 */
export async function serveRace(
  policy: LoopPolicy,
  options: TcpListenOptions,
  context: RaceContext,
): Promise<RaceListener> {
  const sessions = new Set<Session>();
  const listener = await policy.listenTcp(options, (connection) => {
    try {
      const guest = context.gatekeeper.admit(connection.remoteAddress, 'race');
      const session = openSession(connection, context, () => {
        sessions.delete(session);
        guest.leave();
      });
      sessions.add(session);
      return session.handlers;
    } catch (error) {
      connection.write(Buffer.from(lineOf(refusalOf(error, context))));
      connection.destroy();
      return { data() {} };
    }
  });
  return {
    ...listener,
    drain() {
      for (const session of [...sessions]) session.drain();
    },
  };
}

interface Session {
  readonly handlers: TcpHandlers;
  drain(): void;
}

/** `over` is called once: when everything has been sent, or the client has gone. */
function openSession(connection: TcpConnection, context: RaceContext, over: () => void): Session {
  const lines = createLineReader(TOPIC_MAX_BYTES);
  const gone = new AbortController();
  /** In the order of the lines; `text` comes when it comes. */
  const answers: { text?: string }[] = [];
  /** Something still waits to leave. */
  let blocked = false;
  /** No more lines will come than `lines` has. */
  let ended = false;
  let soon = false;
  let finished = false;

  function ask(line: string | typeof TOO_LONG): void {
    const answer: { text?: string } = {};
    answers.push(answer);
    void answerOf(line, gone.signal, context).then((text) => {
      answer.text = text;
      goSoon();
    });
  }

  /** In a turn of its own: answers of one time leave in one write, and a flood of lines leaves room for others. */
  function goSoon(): void {
    if (soon) return;
    soon = true;
    setImmediate(() => {
      soon = false;
      go();
    });
  }

  /** Sends what is ready, asks what there is room for, and closes after the last answer. */
  function go(): void {
    if (finished) return;
    send();
    while (answers.length < IN_WORK) {
      const line = lines.next();
      if (line === undefined) break;
      ask(line);
    }
    if (answers.length === IN_WORK) connection.pause();
    else connection.resume();
    if (ended && answers.length === 0 && !blocked) {
      finish();
      connection.end();
    }
  }

  function send(): void {
    if (blocked) return;
    let ready = '';
    while (answers[0]?.text !== undefined) ready += lineOf(answers.shift()!.text!);
    if (ready !== '') blocked = !connection.write(Buffer.from(ready));
  }

  function finish(): void {
    if (finished) return;
    finished = true;
    over();
  }

  return {
    handlers: {
      data(bytes) {
        if (ended) return;
        lines.push(bytes);
        go();
      },
      drain() {
        blocked = false;
        go();
      },
      end() {
        if (ended) return;
        lines.finish();
        ended = true;
        go();
      },
      close() {
        gone.abort(new HeadwaterError('aborted', 'the client has gone'));
        finish();
      },
    },
    drain() {
      ended = true;
      go();
    },
  };
}

/** Never rejects. */
async function answerOf(
  line: string | typeof TOO_LONG,
  signal: AbortSignal,
  context: RaceContext,
): Promise<string> {
  try {
    if (line === TOO_LONG) {
      throw new HeadwaterError('too_large', `a line names one source, in ${TOPIC_MAX_BYTES} bytes at most`);
    }
    if (line === '') throw new HeadwaterError('bad_request', 'a line names one source, such as quotes');
    return await context.races.run(line, signal);
  } catch (error) {
    return signal.aborted ? '' : refusalOf(error, context);
  }
}

function refusalOf(error: unknown, { limitHits, report }: RaceContext): string {
  limitHits.note(error);
  const { code, message, expected } = wireErrorOf(error);
  if (!expected) report(error, 'tcp race');
  return JSON.stringify({ type: 'error', code, message });
}

function lineOf(text: string): string {
  return `${text}\n`;
}
