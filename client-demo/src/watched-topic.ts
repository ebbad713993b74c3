import type { Client, HeadwaterError, Update } from '../../shared/client/index.js';
import { byId, setText } from './dom.js';
import { formatAge, formatClock } from './format.js';
import { showNotice } from './notice.js';
import { ageOf } from './server-clock.js';
import { createTopicView } from './topic-view.js';

/** The topic in the middle of the page. */
export interface WatchedTopic {
  /** Renews what depends on the time of day. */
  tick(): void;
  close(): void;
}

/** Ask for a sign of life of the source this often, so that the age is that of the source and not of the last change. */
const PROGRESS_MS = 5_000;

export function watchTopic(client: Client, topic: string): WatchedTopic {
  const facts = byId('topic-facts');
  const notice = byId('topic-notice');
  const view = createTopicView(byId('topic-view'), {
    maxFigures: 12,
    rows: 50,
    columns: 7,
    tree: true,
    maxEvents: 200,
  });
  let latest: Update | undefined;

  setText(byId('topic-name'), topic);
  setText(facts, '');
  showNotice(notice, 'Waiting for the first value …');
  document.title = `${topic} · Headwater`;

  function tick(): void {
    if (!latest) return;
    const version = `version ${latest.version}`;
    setText(facts, latest.kind === 'state' ? `as of ${formatAge(ageOf(latest.asOf))}, ${version}` : version);
  }

  function show(update: Update): void {
    latest = update;
    tick();
    if (update.kind === 'gap') view.gap(update.from, update.version);
    else if (update.kind === 'event') view.event(update.version, update.event);
    else {
      if (update.changed) view.value(update.value, update.asOf);
      showStaleness(update.stale, update.asOf);
      return;
    }
    showNotice(notice, '');
  }

  function showStaleness(reason: string | undefined, asOf: Date): void {
    document.body.classList.toggle('stale', reason !== undefined);
    if (reason === undefined) showNotice(notice, '');
    else showNotice(notice, `Stale: ${reason}. This is the value of ${formatClock(asOf)}.`, 'warning');
  }

  function fail(error: HeadwaterError): void {
    const text =
      error.code === 'unknown_topic'
        ? `This server has no topic “${topic}”. Choose one from the list.`
        : error.message;
    showNotice(notice, text, 'warning');
  }

  const subscription = client.subscribe(topic, show, { progress: PROGRESS_MS, onError: fail });
  return {
    tick,
    close() {
      subscription.close();
      view.destroy();
      document.body.classList.remove('stale');
    },
  };
}
