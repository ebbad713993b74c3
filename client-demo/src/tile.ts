import type { Json } from '../../shared/json.js';
import { h, setText } from './dom.js';
import { formatAge } from './format.js';
import { showNotice } from './notice.js';
import { ageOf } from './server-clock.js';
import { createTopicView } from './topic-view.js';

/** The messages of an event stream that concern one topic (PROTOCOL section 1), as far as a tile shows them. */
export type TileMessage =
  | { type: 'value'; topic: string; version: number; value: Json; asOf: string }
  | { type: 'event'; topic: string; version: number; event: Json }
  | { type: 'gap'; topic: string; from: number; version: number }
  | { type: 'stale'; topic: string; asOf?: string; error: string }
  | { type: 'fresh'; topic: string }
  | { type: 'checked'; topic: string; asOf: string };

/** One topic on the wall. */
export interface Tile {
  readonly element: HTMLElement;
  message(message: TileMessage): void;
  /** Renews what depends on the time of day. */
  tick(): void;
  /** The stream begins anew: it will say if the topic is stale. */
  freshen(): void;
}

export function createTile(topic: string): Tile {
  const facts = h('p', { class: 'facts' });
  const notice = h('p', { class: 'notice', role: 'status' });
  const body = h('div', { class: 'tile-body' });
  const heading = h('h2', {}, h('a', { href: `./#${topic}` }, topic));
  const element = h(
    'article',
    { class: 'tile', 'data-topic': topic },
    h('header', {}, heading, facts),
    notice,
    body,
  );
  const view = createTopicView(body, { maxFigures: 6, rows: 6, columns: 4, tree: false, maxEvents: 8 });
  let asOf: Date | undefined;
  let version = 0;
  showNotice(notice, 'Waiting for the first value …');

  function tick(): void {
    const age = asOf ? `as of ${formatAge(ageOf(asOf))}` : '';
    setText(facts, [age, version > 0 ? `version ${version}` : ''].filter(Boolean).join(', '));
  }
  function freshen(): void {
    element.classList.remove('stale');
    if (version > 0) showNotice(notice, '');
  }
  return {
    element,
    tick,
    freshen,
    message(message) {
      if ('asOf' in message && message.asOf) asOf = new Date(message.asOf);
      if ('version' in message) version = message.version;
      if (message.type === 'stale') {
        element.classList.add('stale');
        showNotice(notice, `Stale: ${message.error}`, 'warning');
      } else if (message.type === 'fresh') freshen();
      else if (message.type === 'value') {
        view.value(message.value, new Date(message.asOf));
        if (!element.classList.contains('stale')) showNotice(notice, '');
      } else if (message.type === 'event') {
        view.event(message.version, message.event);
        showNotice(notice, '');
      } else if (message.type === 'gap') view.gap(message.from, message.version);
      element.dataset.view = body.dataset.view ?? '';
      tick();
    },
  };
}
