import AxeBuilder from '@axe-core/playwright';
import type { Browser, BrowserContext, ConsoleMessage, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/waitFor.ts';
import { launchChromium, openContext } from './chromium.ts';
import type { Lane } from './host/buildHost.ts';
import type { Host } from './host/hostServer.ts';
import { type Stage, setStage } from './stage.ts';

interface Place {
  readonly source: string;
  readonly id: string;
  /** Of a failed run: its error. */
  readonly error?: string | undefined;
}

let stage: Stage;
let browser: Browser;
let context: BrowserContext;
/** Records of the demo fleet, to open pages with. */
let some: Readonly<Record<'run' | 'chain' | 'sandbox' | 'failed', Place>>;
beforeAll(async () => {
  [stage, browser] = await Promise.all([setStage({ lanes: ['13', '12'], days: 2 }), launchChromium()]);
  context = await openContext(browser);
  some = {
    run: await oneOf('runs?status=succeeded', 'runId'),
    failed: await oneOf('runs?status=failed', 'runId', ({ error }) => error?.message !== undefined),
    chain: await oneOf('chains?status=failed', 'chainId'),
    sandbox: await oneOf('sandboxes', 'sandboxId'),
  };
});
afterAll(async () => {
  await browser?.close();
  await stage?.stop();
});

type Answered = Readonly<Record<string, string>> & { readonly error?: { readonly message?: string } };

async function oneOf(list: string, key: string, fits: (record: Answered) => boolean = () => true): Promise<Place> {
  const response = await fetch(new URL(`/api/datasources/proxy/uid/fleet/read/api/v1/${list}`, hostOf('13').url));
  const { data } = (await response.json()) as { data: readonly Answered[] };
  const found = data.find(fits);
  if (found === undefined) throw new Error(`the demo fleet has no such ${list}`);
  return { source: found.source ?? '', id: found[key] ?? '', error: found.error?.message };
}

function hostOf(lane: Lane): Host {
  const host = stage.hosts.get(lane);
  if (host === undefined) throw new Error(`no host of lane ${lane}`);
  return host;
}

/** Grafana's own files that its packages do not carry, and the host has none of either. */
const OF_GRAFANA = /\/public\/(fonts\/|build\/img\/icons\/\w+\/spinner\.svg)/;

const DESKTOP = { width: 1400, height: 900 };
const PHONE = { width: 390, height: 844 };

interface Opened extends AsyncDisposable {
  readonly page: Page;
  /** What the console showed as an error, and what nobody caught. */
  complaints(): Promise<readonly string[]>;
}

async function open(lane: Lane, path: string, viewport = DESKTOP): Promise<Opened> {
  const page = await context.newPage();
  await page.setViewportSize(viewport);
  const errors: string[] = [];
  page.on('console', (message: ConsoleMessage) => {
    if (message.type() === 'error' && !OF_GRAFANA.test(message.location().url)) errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error.stack)));
  await page.goto(new URL(path.startsWith('/') ? path : `/a/fleetlens-fleet-app/${path}`, hostOf(lane).url).href);
  return {
    page,
    complaints: async () => [...errors, ...((await page.evaluate('window.hostErrors')) as string[])],
    [Symbol.asyncDispose]: async () => {
      await page.evaluate('localStorage.clear()');
      await page.close();
    },
  };
}

const query = (place: Place) => `source=${place.source}&id=${encodeURIComponent(place.id)}`;
const panel = (id: string, queryType: string, place: Place) =>
  `/d/panel?plugin=${id}&query=${encodeURIComponent(JSON.stringify({ queryType, source: place.source, id: place.id }))}`;

/** Every page and panel, and what says that it has its answer. */
const PAGES: readonly { readonly name: string; path(): string; readonly shows: string }[] = [
  { name: 'fleet', path: () => 'fleet', shows: 'main h2' },
  { name: 'runs', path: () => 'runs', shows: 'main a[href*="run?"]' },
  { name: 'run', path: () => `run?${query(some.run)}`, shows: 'main #run-timeline' },
  { name: 'failed run', path: () => `run?${query(some.failed)}`, shows: 'main #run-timeline' },
  { name: 'chains', path: () => 'chains', shows: 'main li a' },
  { name: 'chain', path: () => `chain?${query(some.chain)}`, shows: 'main table tbody tr' },
  { name: 'sandboxes', path: () => 'sandboxes', shows: 'main a[href*="sandbox?"]' },
  { name: 'sandbox', path: () => `sandbox?${query(some.sandbox)}`, shows: 'main h2' },
  { name: 'queues', path: () => 'queues', shows: 'main table tbody tr' },
  { name: 'quality', path: () => 'quality', shows: 'main table tbody tr' },
  { name: 'cost', path: () => 'cost', shows: 'main dd' },
  { name: 'workflows', path: () => 'workflows', shows: 'main table tbody tr' },
  { name: 'run history', path: () => 'history', shows: 'main table tbody tr' },
  { name: 'budgets', path: () => 'budgets', shows: 'main li h2' },
  { name: 'approvals', path: () => 'approvals', shows: 'main li a' },
  { name: 'inbox', path: () => 'inbox', shows: 'main [role=radiogroup]' },
  { name: 'audit', path: () => 'audit', shows: 'main details' },
  { name: 'runbook', path: () => 'runbook#fleetrunstuck', shows: 'main h3#fleetrunstuck' },
  { name: 'configuration', path: () => '/plugins/fleetlens-fleet-app', shows: 'main table tbody tr' },
  { name: 'find', path: () => 'find?q=acme', shows: 'main input' },
  {
    name: 'panel of a run',
    path: () => panel('fleetlens-rundetail-panel', 'run', some.failed),
    shows: 'main dd',
  },
  {
    name: 'panel of a chain',
    path: () => panel('fleetlens-sprintchain-panel', 'chain', some.chain),
    shows: 'main table tbody tr',
  },
];

async function seriousBarriers(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page }).include('main').analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}

async function expectToFit(page: Page): Promise<void> {
  expect(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')).toBeLessThanOrEqual(0);
}

describe.each(PAGES)('$name', ({ name, path, shows }) => {
  describe('in the front end of Grafana 13, dark', () => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await open('13', path(), PHONE);
    });
    afterAll(() => opened?.[Symbol.asyncDispose]());

    it('shows the fleet', () => opened.page.locator(shows).first().waitFor());

    if (!name.startsWith('panel')) it('fits a phone', () => expectToFit(opened.page));

    it('complains of nothing', async () => {
      expect(await opened.complaints()).toEqual([]);
    });

    it('has no serious barrier', async () => {
      await opened.page.setViewportSize(DESKTOP);
      await opened.page.locator(shows).first().waitFor();
      expect(await seriousBarriers(opened.page)).toEqual([]);
    });
  });

  it('has no serious barrier in the light theme, and no error', async () => {
    const address = path();
    await using opened = await open('13', `${address}${address.includes('?') ? '&' : '?'}theme=light`);
    await opened.page.locator(shows).first().waitFor();
    expect(await seriousBarriers(opened.page)).toEqual([]);
    expect(await opened.complaints()).toEqual([]);
  });

  it('shows the fleet in the front end of Grafana 12, without an error', async () => {
    await using opened = await open('12', path());
    await opened.page.locator(shows).first().waitFor();
    expect(await opened.complaints()).toEqual([]);
  });
});

describe('what one does at night', () => {
  it('fits a phone also where the record is not there', async () => {
    await using opened = await open('13', `run?source=demo&id=${'x'.repeat(60)}`, PHONE);
    await opened.page.getByText('There is no such record').waitFor();
    await expectToFit(opened.page);
  });

  it('leads from the list of failed runs to the error of one', async () => {
    await using opened = await open('13', 'runs?status=failed');
    const { page } = opened;
    await page.locator(`main table a[href*="${some.failed.id}"]`).first().click();
    await page
      .getByText(some.failed.error ?? '')
      .first()
      .waitFor();
    expect(new URL(page.url()).pathname).toBe('/a/fleetlens-fleet-app/run');
    expect(await opened.complaints()).toEqual([]);
  });

  it('shows new lines of a run as they come, each once, also after the connection was cut', async () => {
    const [source, runId] = ['codecourier-demo', `live-${Date.now()}`];
    const host = hostOf('13');
    const startedAt = new Date().toISOString();
    const run = { runId, project: 'acme/live', status: 'running', startedAt, createdAt: startedAt };
    await stage.push([{ id: `${runId}-run`, source, kind: 'run', at: startedAt, data: run }]);
    const print = (from: number, to: number) =>
      stage.push(
        Array.from({ length: to - from }, (_, nth) => {
          const seq = from + nth;
          const at = new Date(Date.parse(startedAt) + seq).toISOString();
          return {
            id: `${runId}-${seq}`,
            source,
            kind: 'output' as const,
            at,
            data: { runId, stepId: 's', seq, role: 'stdout', text: `line ${seq};` },
          };
        }),
      );
    await print(0, 5);
    await using opened = await open('13', `run?${query({ source, id: runId })}`);
    const lines = async () => ((await opened.page.locator('main').textContent()) ?? '').match(/line \d+;/g) ?? [];
    const expectLines = async (count: number) => {
      await waitFor(async () => (await lines()).length >= count, { what: `${count} lines` });
      expect(await lines()).toEqual(Array.from({ length: count }, (_, seq) => `line ${seq};`));
    };
    await expectLines(5);
    await print(5, 10);
    await expectLines(10);
    host.setReachable(false);
    host.cutConnections();
    await print(10, 15);
    host.setReachable(true);
    await expectLines(15);
  });
});
