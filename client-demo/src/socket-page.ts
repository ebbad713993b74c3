import { connect, type Status } from '../../shared/client/index.js';
import { byId, setText } from './dom.js';
import { everySecond } from './server-clock.js';
import { setUpTheme } from './theme.js';
import { createTopicList } from './topic-list.js';
import { fetchTopics, type TopicInfo } from './topics.js';
import { type WatchedTopic, watchTopic } from './watched-topic.js';
import { createWirePanel } from './wire-panel.js';
import { tappedWebSocket } from './wire-tap.js';

const FAVOURITE = 'system/vitals';
const TOPICS_EVERY_MS = 10_000;

const connection = byId('connection');
const list = createTopicList(byId('topics'));
const tap = createWirePanel(byId<HTMLDetailsElement>('wire'));
const client = connect(new URL('./', location.href), { WebSocket: tappedWebSocket(tap) });
let watched: WatchedTopic | undefined;
let watchedName = '';
let topics: TopicInfo[] = [];

const STATUS_TEXT: Record<Status, string> = {
  connecting: 'Connecting …',
  open: 'Live over WebSocket',
  reconnecting: 'Reconnecting',
  draining: 'Server is restarting',
  closed: 'Closed',
};

function showStatus(status: Status, reason?: string): void {
  connection.dataset.status = status;
  document.body.dataset.status = status;
  const because = status === 'reconnecting' && reason ? `: ${reason}` : '';
  setText(connection, STATUS_TEXT[status] + because);
}

function topicInAddress(): string {
  const hash = location.hash.slice(1);
  // `#content` is the skip link.
  if (hash === 'content') return watchedName;
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}

function firstChoice(): string {
  return topics.some(({ topic }) => topic === FAVOURITE) ? FAVOURITE : (topics[0]?.topic ?? FAVOURITE);
}

function follow(): void {
  const topic = topicInAddress() || firstChoice();
  if (topic === watchedName) return;
  watchedName = topic;
  watched?.close();
  watched = watchTopic(client, topic);
  list.select(topic);
}

async function refreshTopics(): Promise<void> {
  try {
    topics = await fetchTopics();
    list.show(topics);
  } catch (error) {
    // The connection's status tells that the server is away; the list we have stays.
    console.warn(error);
  }
}

setUpTheme();
showStatus(client.status);
client.onStatus((status, reason) => {
  showStatus(status, reason);
  if (status === 'open') void refreshTopics();
});
byId<HTMLFormElement>('open-topic').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>('open-topic-name');
  location.hash = input.value.trim();
  input.value = '';
});
addEventListener('hashchange', follow);
everySecond(() => watched?.tick());
setInterval(() => document.hidden || client.status !== 'open' || void refreshTopics(), TOPICS_EVERY_MS);

await refreshTopics();
follow();
