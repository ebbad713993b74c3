import { byId, h, setText } from './dom.js';
import { showNotice } from './notice.js';
import { everySecond } from './server-clock.js';
import { setUpTheme } from './theme.js';
import { createTile, type Tile, type TileMessage } from './tile.js';
import { fetchTopics, type TopicInfo } from './topics.js';

const VITALS = 'system/vitals';
/** More tiles than this help nobody; the chooser offers the rest. */
const MAX_UNASKED = 12;
/** `EventSource` gives up where the server answers anything but a stream; the page asks again after this. */
const RETRY_MS = 5_000;
/** As a source is asked and nothing changed, the age shown is still renewed. */
const PROGRESS_MS = 5_000;

const tiles = new Map<string, Tile>();
const connection = byId('connection');
const notice = byId('notice');

function showStatus(status: 'connecting' | 'open' | 'reconnecting', text: string): void {
  connection.dataset.status = status;
  document.body.dataset.status = status;
  setText(connection, text);
}

/** The topics that the address names, or else those that the server has, the machine's vital signs before the rest. */
function chosen(topics: readonly TopicInfo[]): string[] {
  const named = new URLSearchParams(location.search).getAll('topic');
  if (named.length > 0) return named;
  const names = topics.map(({ topic }) => topic);
  const [vitals, rest] = [names.filter((name) => name === VITALS), names.filter((name) => name !== VITALS)];
  return [...vitals, ...rest].slice(0, MAX_UNASKED);
}

function offer(topics: readonly TopicInfo[], selected: readonly string[]): void {
  const names = [...new Set([...topics.map(({ topic }) => topic), ...selected])];
  byId('choices').replaceChildren(
    ...names.map((topic) => {
      const box = h('input', {
        type: 'checkbox',
        name: 'topic',
        value: topic,
        checked: selected.includes(topic),
      });
      return h('label', {}, box, topic);
    }),
  );
}

function arrange(topics: readonly string[]): void {
  for (const topic of topics) {
    const tile = createTile(topic);
    tiles.set(topic, tile);
    byId('tiles').append(tile.element);
  }
}

function receive(data: string): void {
  const message = JSON.parse(data) as TileMessage | TileMessage[];
  for (const one of Array.isArray(message) ? message : [message]) tiles.get(one.topic)?.message(one);
}

function listen(topics: readonly string[]): void {
  const url = new URL('./sse', location.href);
  for (const topic of topics) url.searchParams.append('topic', topic);
  url.searchParams.set('progress', String(PROGRESS_MS));

  const stream = new EventSource(url);
  stream.onopen = () => {
    for (const tile of tiles.values()) tile.freshen();
    showStatus('open', 'Live over an event stream');
    showNotice(notice, '');
  };
  stream.onmessage = ({ data }) => receive(data);
  stream.onerror = () => {
    showStatus('reconnecting', 'Reconnecting');
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => void explain(url, topics), RETRY_MS);
  };
}

/** `EventSource` does not say why it was refused; the same URL does. */
async function explain(url: URL, topics: readonly string[]): Promise<void> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), RETRY_MS);
  try {
    const response = await fetch(url, { headers: { accept: 'text/event-stream' }, signal: deadline.signal });
    if (!response.ok) {
      const { detail } = (await response.json()) as { detail?: string };
      showNotice(notice, detail ?? `The server answered ${response.status}.`, 'warning');
    }
  } catch {
    // Nobody answers, or not with a problem document: "Reconnecting" says it.
  } finally {
    clearTimeout(timer);
    deadline.abort();
  }
  listen(topics);
}

/** Asks until the server answers: the page may be opened before it is up. */
async function topicsWhenThere(): Promise<TopicInfo[]> {
  while (true) {
    try {
      return await fetchTopics();
    } catch (error) {
      console.warn(error);
      showStatus('reconnecting', 'Reconnecting');
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

setUpTheme();
showStatus('connecting', 'Connecting …');
const topics = await topicsWhenThere();
const selected = chosen(topics);
offer(topics, selected);
arrange(selected);
everySecond(() => {
  for (const tile of tiles.values()) tile.tick();
});
if (selected.length > 0) listen(selected);
else {
  showStatus('open', 'Nothing to show');
  showNotice(notice, 'This server has no topics yet.');
}
