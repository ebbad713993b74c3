import { type Chart, createChart } from './chart.js';
import { type CoreStrips, createCoreStrips } from './core-strips.js';
import { h, setText } from './dom.js';
import { perFrame } from './frame.js';
import { createHistory, type History } from './history.js';
import type { View } from './view.js';
import { readVitals, type Vitals } from './vitals.js';
import { PANELS, type Panel } from './vitals-panels.js';

interface PanelView {
  readonly element: HTMLElement;
  push(time: number, vitals: Vitals): void;
  paint(vitals: Vitals): void;
  destroy(): void;
}

/** A machine's vital signs as charts of the last two minutes. */
export function createVitalsView(): View {
  const element = h('div', { class: 'vitals' });
  let panels: PanelView[] = [];
  let latest: Vitals | undefined;
  let machine = '';

  /** Another machine, or one with other sizes, begins with empty charts. */
  function arrange(vitals: Vitals): void {
    const next = JSON.stringify([vitals.host, vitals.cores.length, vitals.memoryTotal]);
    if (next === machine) return;
    machine = next;
    destroy();
    panels = PANELS.map((panel) => createPanel(panel, vitals));
    element.replaceChildren(...panels.map((panel) => panel.element));
  }
  function destroy(): void {
    for (const panel of panels) panel.destroy();
  }
  const paint = perFrame(() => {
    if (latest) for (const panel of panels) panel.paint(latest);
  });
  return {
    element,
    update(value, asOf) {
      latest = readVitals(value);
      if (!latest) return;
      arrange(latest);
      for (const panel of panels) panel.push(asOf.getTime() / 1_000, latest);
      paint();
    },
    destroy,
  };
}

function createPanel(panel: Panel, vitals: Vitals): PanelView {
  const { title, lines, format } = panel;
  const history = createHistory(lines.length);
  const chart: Chart = createChart({
    label: title,
    lines,
    format,
    ...(panel.top && { top: panel.top(vitals) }),
  });
  const aside = h('span', { class: 'aside' });
  const numbers = lines.map(() => h('span', { class: 'number' }));
  const figures = lines.map(({ label, stroke, dashed }, index) => {
    const key = h('span', { class: dashed ? 'key dashed' : 'key' });
    key.style.setProperty('--key', `var(${stroke})`);
    return h(
      'div',
      {},
      h('dt', {}, key, label),
      h('dd', {}, numbers[index]!, ...(index === 0 ? [aside] : [])),
    );
  });
  const element = h(
    'section',
    { class: panel.cores ? 'panel wide' : 'panel', 'aria-label': title },
    h('header', {}, h('h2', {}, title), h('dl', {}, ...figures)),
    chart.element,
  );
  const strips = panel.cores && vitals.cores.length > 0 ? addStrips(element, vitals.cores.length) : undefined;

  return {
    element,
    push(time, vitals) {
      history.push(
        time,
        lines.map((line) => line.of(vitals)),
      );
      strips?.history.push(time, vitals.cores);
    },
    paint(vitals) {
      for (const [index, line] of lines.entries()) {
        const value = line.of(vitals);
        setText(numbers[index]!, value === null ? '–' : format(value));
      }
      setText(aside, panel.aside?.(vitals) ?? '');
      chart.draw(history);
      strips?.view.draw(strips.history);
    },
    destroy() {
      chart.destroy();
      strips?.view.destroy();
    },
  };
}

function addStrips(element: HTMLElement, cores: number): { history: History; view: CoreStrips } {
  const view = createCoreStrips(cores);
  element.append(view.element);
  return { history: createHistory(cores), view };
}
