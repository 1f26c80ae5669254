import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, openContext } from './chromium.ts';
import { type Stage, setStage } from './stage.ts';

const APP = '/a/fleetlens-fleet-app';
const LINES = 1_000_000;
const PLACE = Date.parse('2026-11-20T00:00:00.000Z');
const MB = 1_000_000;
let stage: Stage;
let browser: Browser;
let url: string;
beforeAll(async () => {
  [stage, browser] = await Promise.all([setStage({ lanes: ['13'], days: 1 }), launchChromium()]);
  url = stage.hosts.get('13')?.url as string;
});
afterAll(async () => {
  await browser?.close();
  await stage?.stop();
});

const lineAt = (seq: number) => ({
  source: 's',
  sandboxId: 'big',
  seq,
  at: new Date(PLACE + seq).toISOString(),
  role: seq % 7 === 0 ? 'assistant' : 'stdout',
  text: seq % 50 === 0 ? `line ${seq}\nof\nthree` : `line ${seq} ${'x'.repeat(seq % 200)}`,
});

/** A sandbox that printed a million lines, as the exporter answers it. */
async function serveMillion(page: Page): Promise<void> {
  await page.route('**/api/v1/sandboxes/s/big', (route) =>
    route.fulfill({ json: { source: 's', sandboxId: 'big', status: 'killed' } }),
  );
  await page.route('**/api/v1/sandboxes/s/big/output?**', (route) => {
    const query = new URL(route.request().url()).searchParams;
    const seqIn = (name: string) => Number(query.get(name)?.split(',')[1]);
    const limit = Number(query.get('tail') ?? query.get('limit'));
    const end = query.has('tail')
      ? LINES
      : query.has('before')
        ? seqIn('before')
        : Math.min(LINES, seqIn('from') + limit);
    const begin = query.has('from') ? seqIn('from') : Math.max(0, end - limit);
    const data = Array.from({ length: end - begin }, (_, i) => lineAt(begin + i));
    return route.fulfill({
      json: { data, nextCursor: end < LINES ? 'more' : null, earlier: begin > 0, position: '1' },
    });
  });
}

/** Number and place of each line that is drawn. */
const drawn = (page: Page) =>
  page
    .getByTestId('output-line')
    .evaluateAll((rows) => rows.map((row) => [Number(row.dataset.seq), row.getBoundingClientRect().top] as const));

async function standsStill(page: Page): Promise<boolean> {
  const [one, other] = [await drawn(page), await drawn(page)];
  return JSON.stringify(one) === JSON.stringify(other);
}

const scrollTo = (page: Page, top: number) =>
  page.getByTestId('output-scroller').evaluate((scroller, to) => {
    scroller.scrollTop = to;
  }, top);

async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize;
}

describe('a million lines', () => {
  it('are read back from the end, without a jump where earlier ones are loaded', async () => {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await serveMillion(page);
    await page.goto(`${url}${APP}/sandbox?source=s&id=big`);
    await expect.poll(async () => (await drawn(page)).at(-1)?.[0]).toBe(LINES - 1);
    await page.getByTestId('output-scroller').hover();
    for (let round = 0; round < 3; round++) {
      await scrollTo(page, 1_700);
      await expect.poll(async () => (await drawn(page)).length).toBeGreaterThan(20);
      // What is drawn anew is measured; then it stands.
      await expect.poll(() => standsStill(page)).toBe(true);
      const before = await drawn(page);
      const answered = page.waitForResponse(/before=/);
      await page.mouse.wheel(0, -300);
      await answered;
      await expect
        .poll(async () => {
          const after = new Map(await drawn(page));
          const moves = before.slice(20, 30).map(([seq, top]) => Math.round((after.get(seq) ?? Number.NaN) - top));
          return [...new Set(moves)];
        })
        .toEqual([300]);
    }
    await page.close();
  });

  it('take no more memory the more of them are read', async () => {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await serveMillion(page);
    const line = encodeURIComponent(`${lineAt(400_000).at},400000,,big`);
    await page.goto(`${url}${APP}/sandbox?source=s&id=big&line=${line}`);
    await page.locator('[data-testid=output-line][aria-current=true]').waitFor();
    for (let i = 0; i < 25; i++) {
      const answered = page.waitForResponse(/from=/);
      await scrollTo(page, 1e9);
      await answered;
    }
    await expect.poll(async () => (await drawn(page)).at(-1)?.[0]).toBeGreaterThan(415_000);
    expect((await drawn(page)).length).toBeLessThan(200);
    expect(await heapOf(page)).toBeLessThan(400 * MB);
    await page.getByTestId('output-follow').click();
    await expect.poll(async () => (await drawn(page)).at(-1)?.[0]).toBe(LINES - 1);
    await page.close();
  });
});

describe('the live stream', () => {
  it('is one for seven tabs, and goes on when any of them closes', async () => {
    const context: BrowserContext = await openContext(browser);
    const open = new Set<Request>();
    context.on('request', (request) => {
      if (request.url().includes('/api/v1/stream')) open.add(request);
    });
    const isOver = (request: Request) => open.delete(request);
    context.on('requestfinished', isOver).on('requestfailed', isOver);
    const tabs: Page[] = [];
    for (let i = 0; i < 7; i++) {
      const tab = await context.newPage();
      await tab.goto(`${url}${APP}/runs`);
      tabs.push(tab);
    }
    const areLive = async () => {
      const words = await Promise.all(tabs.map((tab) => tab.getByTestId('live-indicator').first().textContent()));
      return words.every((word) => word === 'Live');
    };
    await expect.poll(areLive).toBe(true);
    await expect.poll(() => open.size).toBe(1);
    while (tabs.length > 1) {
      await tabs.shift()?.close();
      await expect.poll(areLive).toBe(true);
    }
    await context.close();
  });
});
