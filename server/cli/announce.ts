import type { BoundListener } from '../app/listeners.js';
import type { LoadedConfig } from '../config/load.js';
import type { Logger } from '../observe/log.js';
import { paint } from './paint.js';

/** Says that the server is ready, one line a listener: log entries for a machine, things to try for a person. */
export function announce(listeners: readonly BoundListener[], loaded: LoadedConfig, logger: Logger): void {
  if (!process.stdout.isTTY) {
    for (const { name, url } of listeners) logger.info({ listener: name, url }, `listening on ${url}`);
    return;
  }
  process.stdout.write(`${welcome(listeners, loaded).join('\n')}\n`);
}

function welcome(listeners: readonly BoundListener[], { config, name }: LoadedConfig): string[] {
  const rows = listeners.flatMap((listener): [string, string][] => {
    if (listener.name !== 'http') {
      return [[`TCP ${listener.name}`, `nc ${connectable(listener.host)} ${listener.port}`]];
    }
    const topic = config.sources[0]?.topic;
    const curl: [string, string][] = topic ? [['one topic', `curl ${listener.url}/topics/${topic}`]] : [];
    return [['dashboard', `${listener.url}/`], ['SSE dashboard', `${listener.url}/sse.html`], ...curl];
  });
  const width = Math.max(...rows.map(([label]) => label.length));
  return [
    '',
    `  ${paint('bold', 'Headwater')} ${paint('dim', `serves ${name}`)}`,
    '',
    ...rows.map(([label, what]) => `  ${paint('dim', label.padEnd(width))}  ${paint('cyan', what)}`),
    '',
    `  ${paint('dim', 'Ctrl-C to stop')}`,
    '',
  ];
}

/** Where to connect to reach what listens on `host`: an address that means all of them means this machine. */
function connectable(host: string): string {
  return ['127.0.0.1', '0.0.0.0', '::', '::1'].includes(host) ? 'localhost' : host;
}
