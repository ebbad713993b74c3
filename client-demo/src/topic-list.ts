import { h, setText } from './dom.js';
import type { TopicInfo } from './topics.js';

/** The list of topics to choose from, as links to `#topic`. */
export interface TopicList {
  show(topics: readonly TopicInfo[]): void;
  select(topic: string): void;
}

export function createTopicList(list: HTMLElement): TopicList {
  const links = new Map<string, { item: HTMLElement; link: HTMLElement; note: HTMLElement }>();
  let selected = '';

  function entry(topic: string) {
    const known = links.get(topic);
    if (known) return known;
    const note = h('span', { class: 'note' });
    const link = h('a', { href: `#${topic}` }, h('span', { class: 'name' }, topic), note);
    const made = { item: h('li', {}, link), link, note };
    links.set(topic, made);
    return made;
  }
  function mark(): void {
    for (const [topic, { link }] of links) {
      if (topic === selected) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  }
  return {
    show(topics) {
      const names = new Set(topics.map(({ topic }) => topic));
      for (const [topic, { item }] of links) {
        if (names.has(topic)) continue;
        item.remove();
        links.delete(topic);
      }
      for (const [index, { topic, kind, stale }] of topics.entries()) {
        const { item, note } = entry(topic);
        setText(note, noteOf(kind, stale));
        note.classList.toggle('stale', stale);
        if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
      }
      mark();
    },
    select(topic) {
      selected = topic;
      mark();
    },
  };
}

function noteOf(kind: TopicInfo['kind'], stale: boolean): string {
  if (stale) return 'stale';
  return kind === 'event' ? 'events' : '';
}
