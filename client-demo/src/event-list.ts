import type { Json } from '../../shared/json.js';
import { h } from './dom.js';
import { formatClock, formatScalar } from './format.js';
import { isScalar } from './json-path.js';

const MAX_TEXT = 600;

/** The last events of a topic, newest first. */
export interface EventList {
  readonly element: HTMLElement;
  event(version: number, event: Json): void;
  /** Events `from + 1` to `version` did not reach this page. */
  gap(from: number, version: number): void;
}

export function createEventList(max: number): EventList {
  const list = h('ol', { class: 'events', reversed: true });
  const empty = h('p', { class: 'empty' }, 'No event yet. Those that happen from now on appear here.');
  const element = h('div', {}, empty, list);

  function add(item: HTMLElement): void {
    empty.hidden = true;
    list.prepend(item);
    while (list.children.length > max) list.lastElementChild!.remove();
  }
  return {
    element,
    event(version, event) {
      const text = isScalar(event) ? formatScalar(event) : JSON.stringify(event);
      add(
        h(
          'li',
          { value: String(version) },
          h('time', {}, formatClock(new Date())),
          h('code', {}, text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text),
        ),
      );
    },
    gap(from, version) {
      const lost = version - from;
      add(h('li', { class: 'gap' }, lost === 1 ? '1 event is lost' : `${lost} events are lost`));
    },
  };
}
