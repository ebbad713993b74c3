import type { Json } from '../../shared/json.js';
import { createEventList, type EventList } from './event-list.js';
import { createJsonView, type JsonViewOptions } from './json-view.js';
import type { View } from './view.js';
import { readVitals } from './vitals.js';
import { createVitalsView } from './vitals-view.js';

export interface TopicViewOptions extends JsonViewOptions {
  maxEvents: number;
}

/** Shows whatever a topic turns out to hold, in the form that suits it. */
export interface TopicView {
  value(value: Json, asOf: Date): void;
  event(version: number, event: Json): void;
  gap(from: number, version: number): void;
  destroy(): void;
}

/** Fills `host`, which it has to itself. */
export function createTopicView(host: HTMLElement, options: TopicViewOptions): TopicView {
  let view: (View & { sort: 'vitals' | 'json' }) | undefined;
  let events: EventList | undefined;

  function viewOf(sort: 'vitals' | 'json'): View {
    if (view?.sort === sort) return view;
    view?.destroy();
    view = { sort, ...(sort === 'vitals' ? createVitalsView() : createJsonView(options)) };
    host.replaceChildren(view.element);
    host.dataset.view = sort;
    return view;
  }
  function eventList(): EventList {
    if (!events) {
      events = createEventList(options.maxEvents);
      host.replaceChildren(events.element);
      host.dataset.view = 'events';
    }
    return events;
  }
  return {
    value: (value, asOf) => viewOf(readVitals(value) ? 'vitals' : 'json').update(value, asOf),
    event: (version, event) => eventList().event(version, event),
    gap: (from, version) => eventList().gap(from, version),
    destroy() {
      view?.destroy();
      host.replaceChildren();
      delete host.dataset.view;
    },
  };
}
