import { type Chart, createChart } from './chart.js';
import { type CoreStrips, createCoreStrips } from './core-strips.js';
import { h, setText } from './dom.js';
import { formatBytes, formatDuration, formatPercent } from './format.js';
import { perFrame } from './frame.js';
import { createHistory, type History } from './history.js';
import type { View } from './view.js';
import { readVitals, type Vitals } from './vitals.js';
import { type Panel, panelsFor } from './vitals-panels.js';

interface PanelView {
  readonly element: HTMLElement;
  push(time: number, vitals: Vitals): void;
  paint(vitals: Vitals): void;
  destroy(): void;
}

/** A machine's vital signs as charts of the last two minutes. */
export function createVitalsView(): View {
  const about = h('p', { class: 'about' });
  const grid = h('div', { class: 'vitals' });
  const element = h('div', {}, grid, about);
  let panels: PanelView[] = [];
  let latest: Vitals | undefined;
  let machine = '';

  /** Another machine, or one with other sizes, begins with empty charts. */
  function arrange(vitals: Vitals): void {
    const wanted = panelsFor(vitals);
    const titles = wanted.map(({ title }) => title);
    const next = JSON.stringify([vitals.host, vitals.cores.length, vitals.memoryTotal, titles]);
    if (next === machine) return;
    machine = next;
    destroy();
    panels = wanted.map((panel) => createPanel(panel, vitals));
    grid.replaceChildren(...panels.map((panel) => panel.element));
  }
  function destroy(): void {
    for (const panel of panels) panel.destroy();
  }
  const paint = perFrame(() => {
    if (!latest) return;
    for (const panel of panels) panel.paint(latest);
    setText(about, describe(latest));
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

/** `weir, up 3 days. This server takes 61 MB and 2.0 % of a core.` */
function describe({ host, uptimeSeconds, serverMemory, serverCpu }: Vitals): string {
  const machine = uptimeSeconds === null ? host : `${host}, up ${formatDuration(uptimeSeconds)}`;
  if (serverMemory === null || serverCpu === null) return `${machine}.`;
  return `${machine}. This server takes ${formatBytes(serverMemory)} and ${formatPercent(serverCpu)} of a core.`;
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
