/**
 * Takes the pictures in docs/images/ from the built-in demo and a few more topics: `npm run screenshots`, after
 * `npm run build`. Takes two minutes, so that the charts are full.
 */
import { createHeadwater } from '../../server/app/app.js';
import { DEMO_CONFIG } from '../../server/config/demo.js';
import { launchChromium } from './launch.js';

const CHARTS_FULL_MS = 125_000;
const IMAGES = new URL('../../docs/images/', import.meta.url);
const PICTURES = [
  { name: 'dashboard', path: '/', colorScheme: 'light' },
  { name: 'dashboard-dark', path: '/', colorScheme: 'dark' },
  { name: 'sse', path: '/sse.html', colorScheme: 'light' },
] as const;

const headwater = await createHeadwater({
  ...DEMO_CONFIG,
  http: { port: 0 },
  tcp: {},
  topics: [{ topic: 'orders' }, { topic: 'pool' }, { topic: 'deploys', kind: 'event' }],
  drainTimeout: '1s',
});
const browser = await launchChromium();
try {
  const pages = await Promise.all(
    PICTURES.map(async ({ name, path, colorScheme }) => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme });
      await page.goto(headwater.listeners[0]!.url + path);
      return { name, page };
    }),
  );
  const stop = moveTopics();
  await new Promise((resolve) => setTimeout(resolve, CHARTS_FULL_MS));
  stop();
  for (const { name, page } of pages) {
    await page.screenshot({ path: new URL(`${name}.png`, IMAGES).pathname });
  }
} finally {
  await browser.close();
  await headwater.close();
}

/** Something to look at beside the vital signs. @returns a function that stops it. */
function moveTopics(): () => void {
  const services = ['checkout', 'search', 'mail', 'billing'];
  let step = 0;
  const wave = (phase: number, low: number, high: number) =>
    Math.round(low + ((Math.sin(step / 9 + phase) + 1) / 2) * (high - low));
  const timer = setInterval(() => {
    step += 1;
    headwater.topic('pool').set({ active: wave(0, 3, 18), idle: wave(3, 2, 17), waiting: wave(1, 0, 5) });
    headwater.topic('orders').set(
      services.map((service, index) => ({
        service,
        perMinute: wave(index, 20 * (index + 1), 90),
        failed: wave(index * 2, 0, 3),
      })),
    );
    if (step % 20 === 0) {
      const service = services[(step / 20) % services.length]!;
      headwater.topic('deploys').append({ service, version: `1.${step / 20}.0` });
    }
  }, 1_000);
  return () => clearInterval(timer);
}
