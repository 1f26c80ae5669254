import type { Page } from 'playwright-core';
import { launchChromium } from '../browser/chromium.ts';
import { type Stage, setStage } from '../browser/stage.ts';
import type { Bed } from './bed.ts';
import { atMost, count, type Figure, median, ms } from './figure.ts';

const SOURCE = 'codecourier-demo';
const RUN = 'run-of-many-steps';
const STEPS = 10_000;
const SCROLL_MS = 10_000;
const ROUNDS = 5;
const MOST_MS = 200;
/** Chromium calls no shorter task long. */
const LONG_TASK_MS = 50;

interface Scroll {
  /** Milliseconds; 0 where none took {@link LONG_TASK_MS}. */
  readonly longestTask: number;
  /** Pixels from the top where the timeline stood at the end of its way down. */
  readonly reached: number;
}

/** The longest task of the page while somebody scrolls for 10 s through a timeline of 10,000 steps, down and up again. */
export async function benchTimelineScroll(bed: Bed): Promise<Figure[]> {
  const stage = await setStage({ lanes: ['13'], days: 1 });
  try {
    await pushRun(stage);
    const browser = await launchChromium();
    try {
      const scrolls: Scroll[] = [];
      for (let round = 0; round < (bed.quick ? 1 : ROUNDS); round++) {
        const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
        const found = await scroll(page, stage.hosts.get('13')?.url as string);
        await page.close();
        scrolls.push(found);
        bed.say(`scrolled ${count(found.reached)} px down: longest task ${told(found.longestTask)}`);
      }
      const worst = Math.max(...scrolls.map(({ longestTask }) => longestTask));
      return [
        {
          what: `longest task in 10 s of scrolling through ${count(STEPS)} steps, worst of ${scrolls.length}`,
          value: told(worst),
          against: `median ${told(median(scrolls.map(({ longestTask }) => longestTask)))}`,
          goal: atMost(worst, MOST_MS, ' ms'),
        },
      ];
    } finally {
      await browser.close();
    }
  } finally {
    await stage.stop();
  }
}

const told = (task: number) => (task === 0 ? `< ${LONG_TASK_MS} ms` : ms(task));

async function pushRun(stage: Stage): Promise<void> {
  const startMs = Date.now() - STEPS * 1_000;
  const at = (step: number) => new Date(startMs + step * 1_000).toISOString();
  const run = { runId: RUN, project: 'acme/payments-api', status: 'running', createdAt: at(0), startedAt: at(0) };
  const event = (kind: 'run' | 'step', id: string, data: Record<string, unknown>) => ({
    id: `${RUN} ${id}`,
    source: SOURCE,
    kind,
    at: at(STEPS),
    data,
  });
  await stage.push([
    event('run', 'run', run),
    ...Array.from({ length: STEPS }, (_, index) =>
      event('step', `step ${index}`, {
        runId: RUN,
        stepId: `s${index}`,
        index,
        name: `step ${index}`,
        role: index % 2 === 0 ? 'designer' : 'checker',
        tool: 'claude',
        model: 'claude-sonnet-4-6',
        status: index % 50 === 49 ? 'failed' : 'succeeded',
        iteration: 1 + Math.floor(index / 2),
        startedAt: at(index),
        finishedAt: at(index + 1),
      }),
    ),
  ]);
}

async function scroll(page: Page, url: string): Promise<Scroll> {
  await page.goto(new URL(`/a/fleetlens-fleet-app/run?source=${SOURCE}&id=${RUN}`, url).href);
  const tree = page.getByRole('tree');
  await tree.getByRole('treeitem').nth(5).waitFor();
  await tree.evaluate((element, steps) => {
    const hasAll = () => element.scrollHeight > steps * 20;
    return new Promise<void>((resolve) => {
      const look = () => (hasAll() ? resolve() : setTimeout(look, 100));
      look();
    });
  }, STEPS);
  await tree.hover();
  await page.evaluate(() => {
    const seen = window as unknown as { longest: number };
    seen.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration);
    }).observe({ type: 'longtask' });
  });
  const start = performance.now();
  let reached = 0;
  for (let now = start; now - start < SCROLL_MS; now = performance.now()) {
    const isDown = now - start < SCROLL_MS / 2;
    await page.mouse.wheel(0, isDown ? 800 : -800);
    if (isDown) reached = await tree.evaluate((element) => element.scrollTop);
  }
  const longestTask = await page.evaluate(() => (window as unknown as { longest: number }).longest);
  return { longestTask, reached };
}
