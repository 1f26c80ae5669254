import AxeBuilder from '@axe-core/playwright';
import type { Browser, ConsoleMessage, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from './chromium.ts';
import type { Lane } from './host/buildHost.ts';
import { type Stage, setStage } from './stage.ts';

let stage: Stage;
let browser: Browser;
beforeAll(async () => {
  [stage, browser] = await Promise.all([setStage({ lanes: ['13', '12'], days: 2 }), launchChromium()]);
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await stage?.stop();
});

/** Grafana's own files that its packages do not carry: the host has none either. */
const OF_GRAFANA = /\/public\/(fonts\/|build\/img\/icons\/unicons\/spinner\.svg)/;

interface Opened {
  readonly page: Page;
  /** What the console showed as an error, and what nobody caught. */
  complaints(): Promise<readonly string[]>;
}

async function open(lane: Lane, path: string, viewport = { width: 1400, height: 900 }): Promise<Opened> {
  const host = stage.hosts.get(lane);
  if (host === undefined) throw new Error(`no lane ${lane}`);
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message: ConsoleMessage) => {
    if (message.type() === 'error' && !OF_GRAFANA.test(message.location().url)) errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error.stack)));
  await page.goto(`${host.url}/a/fleetlens-fleet-app/${path}`);
  return { page, complaints: async () => [...errors, ...((await page.evaluate('window.hostErrors')) as string[])] };
}

const PAGES = [{ path: 'runs', shows: 'link', name: /./ }] as const;

describe.each(['13', '12'] as const)('in the front end of Grafana %s', (lane) => {
  it.each(PAGES)('$path shows the fleet, without an error', async ({ path }) => {
    const { page, complaints } = await open(lane, path);
    await page.locator('main table tbody tr').first().waitFor();
    expect(await complaints()).toEqual([]);
    await page.context().close();
  });
});

describe.each(['dark', 'light'])('in the %s theme', (theme) => {
  it.each(PAGES)('$path has no serious barrier', async ({ path }) => {
    const { page } = await open('13', `${path}?theme=${theme}`);
    await page.locator('main table tbody tr').first().waitFor();
    const { violations } = await new AxeBuilder({ page }).include('main').analyze();
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await page.context().close();
  });
});
