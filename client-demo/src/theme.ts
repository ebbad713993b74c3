import { byId } from './dom.js';

const KEY = 'headwater-theme';
const THEMES = ['auto', 'light', 'dark'] as const;
const LABELS = { auto: 'Theme: auto', light: 'Theme: light', dark: 'Theme: dark' };

type Theme = (typeof THEMES)[number];

const changed = new EventTarget();

/** Calls `listener` whenever colours may have changed; canvases must be painted anew. @returns a function that stops it. */
export function onThemeChange(listener: () => void): () => void {
  changed.addEventListener('change', listener);
  return () => changed.removeEventListener('change', listener);
}

/** The present value of a colour of the style sheet, for a canvas. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function remembered(): Theme {
  const { theme } = document.documentElement.dataset;
  return theme === 'light' || theme === 'dark' ? theme : 'auto';
}

function apply(theme: Theme): void {
  const { dataset } = document.documentElement;
  if (theme === 'auto') delete dataset.theme;
  else dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
  changed.dispatchEvent(new Event('change'));
}

/** Makes the button #theme step through the system's preference, light and dark. */
export function setUpTheme(): void {
  const button = byId('theme');
  let theme = remembered();
  const show = () => {
    button.textContent = LABELS[theme];
  };
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
    apply(theme);
    show();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
    changed.dispatchEvent(new Event('change')),
  );
  show();
}
