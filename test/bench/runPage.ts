import type { Browser, BrowserContext } from 'playwright-core';
import { launchChromium } from '../browser/chromium.ts';
import { findGrafana } from '../browser/findGrafana.ts';
import { setStage } from '../browser/stage.ts';
import { APP_ID, SIGNED_IN, SOURCE, VIEWPORT } from '../e2e-grafana/names.ts';
import prepareGrafana from '../e2e-grafana/prepareGrafana.ts';
import type { Bed } from './bed.ts';
import { atMost, type Figure, median, ms } from './figure.ts';

const ROUNDS = 7;
const MOST_MS = 1_000;
/** A paint after this long without a larger one is the last. */
const SETTLED_MS = 2_000;

/** Somewhere that shows the pages, with the demo fleet behind it. */
interface Place {
  readonly name: string;
  readonly url: string;
  /** Of the data source. */
  readonly uid: string;
  newContext(browser: Browser): Promise<BrowserContext>;
  stop(): Promise<void>;
}

interface Paint {
  /** Milliseconds from the navigation to the end of the exporter's answer about the run. */
  readonly answered: number;
  /** … to the largest contentful paint. */
  readonly painted: number;
  /** What it was, for who wonders. */
  readonly what: string;
}

/**
 * How long a reader waits for the run's page after the exporter has answered about the run: Chromium's largest contentful
 * paint, of a visit with nothing in the browser's cache and of one right after it, each of another run.
 */
export async function benchRunPage(bed: Bed): Promise<Figure[]> {
  const place = findGrafana() === undefined ? await hostPage() : await realGrafana();
  try {
    const browser = await launchChromium();
    try {
      const visits: { first: Paint; again: Paint }[] = [];
      for (let round = 0; round < (bed.quick ? 1 : ROUNDS); round++) {
        const context = await place.newContext(browser);
        const runs = await runsOf(context, place);
        const at = (index: number) => runs[index % runs.length] as string;
        const first = await visit(context, place, at(2 * round));
        const again = await visit(context, place, at(2 * round + 1));
        await context.close();
        visits.push({ first, again });
        for (const [when, { answered, painted, what }] of Object.entries({ first, again })) {
          bed.say(`${when}: answered ${ms(answered)}, painted ${ms(painted)} after the navigation: ${what}`);
        }
      }
      return [
        figureOf(`largest paint of a run's page after the exporter's answer, in ${place.name}`, visits, 'first'),
        figureOf('… right after another run', visits, 'again'),
      ];
    } finally {
      await browser.close();
    }
  } finally {
    await place.stop();
  }
}

function figureOf(what: string, visits: readonly { first: Paint; again: Paint }[], which: 'first' | 'again'): Figure {
  const waits = visits.map((visit) => visit[which].painted - visit[which].answered);
  const wait = median(waits);
  const answered = median(visits.map((visit) => visit[which].answered));
  return {
    what: `${what} (worst of ${waits.length}: ${ms(Math.max(...waits))})`,
    value: ms(wait),
    against: `${ms(answered)} from the navigation to the answer`,
    goal: atMost(wait, MOST_MS, ' ms'),
  };
}

async function realGrafana(): Promise<Place> {
  const stop = await prepareGrafana();
  return {
    name: 'a real Grafana',
    url: process.env.GRAFANA_URL as string,
    uid: SOURCE.uid,
    newContext: (browser) => browser.newContext({ storageState: SIGNED_IN, viewport: VIEWPORT }),
    stop,
  };
}

async function hostPage(): Promise<Place> {
  const stage = await setStage({ lanes: ['13'], days: 2 });
  return {
    name: 'the host page',
    url: stage.hosts.get('13')?.url as string,
    uid: 'fleet',
    newContext: (browser) => browser.newContext({ viewport: VIEWPORT }),
    stop: () => stage.stop(),
  };
}

/** @returns the query of each run's page */
async function runsOf(context: BrowserContext, { url, uid }: Place): Promise<string[]> {
  const path = `/api/datasources/proxy/uid/${uid}/read/api/v1/runs?status=succeeded&status=failed&limit=50`;
  const response = await context.request.get(new URL(path, url).href);
  const { data } = (await response.json()) as { data: readonly { source: string; runId: string }[] };
  return data.map(({ source, runId }) => `source=${source}&id=${encodeURIComponent(runId)}&ds=${uid}`);
}

async function visit(context: BrowserContext, { url }: Place, run: string): Promise<Paint> {
  const page = await context.newPage();
  await page.addInitScript(observe);
  await page.goto(new URL(`/a/${APP_ID}/run?${run}`, url).href);
  await page.locator('#run-timeline').waitFor();
  const paint = await page.waitForFunction(
    (settledMs) => {
      const { paint, answered } = window as unknown as Observed;
      const isSettled = paint !== undefined && performance.now() - Math.max(paint.painted, answered ?? 0) > settledMs;
      return isSettled && answered !== undefined ? { ...paint, answered } : false;
    },
    SETTLED_MS,
    { polling: 200 },
  );
  const found = (await paint.jsonValue()) as Paint;
  await page.close();
  return found;
}

interface Observed {
  paint?: Omit<Paint, 'answered'>;
  answered?: number;
}

/** Runs in the page, before anything else there. */
function observe(): void {
  const observed = window as unknown as Observed;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { size: number; element?: Element })[]) {
      const { element, size, startTime } = entry;
      const what = `${element?.tagName.toLowerCase()} "${element?.textContent?.slice(0, 40)}" of ${size} px²`;
      observed.paint = { painted: startTime, what };
    }
  }).observe({ type: 'largest-contentful-paint', buffered: true });
  new PerformanceObserver((list) => {
    for (const { name, responseEnd } of list.getEntries() as PerformanceResourceTiming[]) {
      if (/\/read\/api\/v1\/runs\/[^/]+\/[^/?]+(\?|$)/.test(name)) observed.answered ??= responseEnd;
    }
  }).observe({ type: 'resource', buffered: true });
}
