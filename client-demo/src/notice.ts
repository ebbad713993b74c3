import { setText } from './dom.js';

/** One line that says what is the matter; hidden while nothing is. Its element is a live region. */
export function showNotice(element: HTMLElement, text: string, tone: 'quiet' | 'warning' = 'quiet'): void {
  setText(element, text);
  element.dataset.tone = tone;
  element.hidden = text === '';
}
