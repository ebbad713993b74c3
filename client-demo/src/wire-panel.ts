import { h, setText } from './dom.js';
import { formatBytes, formatClock } from './format.js';
import { perFrame } from './frame.js';
import type { WireMessage } from './wire-tap.js';

const KEPT = 200;
/** Of a message that is not opened. */
const MAX_LINE = 240;

/** Fills the `details` element with the last messages of the connection, newest first, while it is open. */
export function createWirePanel(details: HTMLDetailsElement): (message: WireMessage) => void {
  const list = h('ol', { class: 'messages', 'aria-label': 'Messages, newest first' });
  const pause = h('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause');
  const clear = h('button', { type: 'button' }, 'Clear');
  const count = h('span', { class: 'count' });
  details.append(h('div', { class: 'wire-tools' }, pause, clear, count), list);

  let messages: WireMessage[] = [];
  let shown: WireMessage | undefined;
  let total = 0;
  let bytes = 0;
  let paused = false;

  const paint = perFrame(() => {
    setText(count, `${total} messages, ${formatBytes(bytes)}${paused ? ', paused' : ''}`);
    if (!details.open || paused) return;
    const fresh = messages.slice(shown ? messages.indexOf(shown) + 1 : 0);
    list.prepend(...fresh.reverse().map(row));
    while (list.children.length > KEPT) list.lastElementChild!.remove();
    shown = messages.at(-1);
  });

  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    paint();
  });
  clear.addEventListener('click', () => {
    messages = [];
    shown = undefined;
    list.replaceChildren();
    paint();
  });
  details.addEventListener('toggle', paint);
  paint();

  return (message) => {
    total += 1;
    // Close enough for a panel: most of what passes is ASCII.
    bytes += message.text.length;
    messages.push(message);
    if (messages.length > KEPT) messages.shift();
    paint();
  };
}

/** One line a message; opened, it shows the message whole. */
function row({ at, sent, text }: WireMessage): HTMLElement {
  const line = h('code', {}, text.slice(0, MAX_LINE));
  const whole = h('pre');
  const details = h(
    'details',
    {},
    h(
      'summary',
      {},
      h('span', { class: 'direction' }, sent ? 'sent' : 'got'),
      h('time', {}, formatClock(at)),
      h('span', { class: 'length' }, formatBytes(text.length)),
      line,
    ),
    whole,
  );
  details.addEventListener('toggle', () => {
    if (details.open) setText(whole, text);
    line.hidden = details.open;
  });
  return h('li', { class: sent ? 'sent' : 'received' }, details);
}
