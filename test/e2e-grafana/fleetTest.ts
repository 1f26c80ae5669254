import { test as grafanaTest } from '@grafana/plugin-e2e';
import type { BrowserContext, Page, PlaywrightTestArgs, TestFixture } from '@playwright/test';
import { APP_ID, SIGNED_IN, SOURCE, VIEWPORT } from './names.ts';

export { expect } from '@grafana/plugin-e2e';

export interface Place {
  readonly source: string;
  readonly id: string;
}

export interface Fleet {
  /** @returns the first record of a list of the exporter's API, or the first that is `wanted` of its 500 newest */
  first(
    list: 'runs' | 'chains' | 'sandboxes',
    filters: string,
    wanted?: (record: Readonly<Record<string, unknown>>) => boolean,
  ): Promise<Place>;
  /** @returns an action's answer, asked as who is signed in */
  act(action: object): ReturnType<Page['request']['post']>;
  /** @returns the address of an app page, with the suite's data source */
  pageOf(page: string): string;
  /** @returns the uid of a new dashboard, which goes with the test */
  saveDashboard(dashboard: object): Promise<string>;
}

const PROXY = `/api/datasources/proxy/uid/${SOURCE.uid}`;
const KEYS = { runs: 'runId', chains: 'chainId', sandboxes: 'sandboxId' } as const;

interface FrontendSettings {
  readonly buildInfo: { readonly version: string };
  readonly namespace: string;
}

/** plugin-e2e would open Grafana's home page before each test to read these, by a fixture that its types do not tell. */
const readSettings: { bootData: TestFixture<object, PlaywrightTestArgs> } = {
  bootData: async ({ request }, use) => {
    const { buildInfo, namespace }: FrontendSettings = await (await request.get('/api/frontend/settings')).json();
    await use({ version: buildInfo.version, namespace });
  },
};

/** plugin-e2e's test with the exporter's records at hand, and with every error of the page's console. */
export const test = grafanaTest.extend<{ fleet: Fleet; errors: string[] }, { signedIn: BrowserContext }>({
  // One of a worker, so that Grafana's scripts are read and compiled once.
  signedIn: [
    async ({ browser }, use) => {
      const baseURL = process.env.GRAFANA_URL;
      const context = await browser.newContext({
        storageState: SIGNED_IN,
        viewport: VIEWPORT,
        ...(baseURL && { baseURL }),
      });
      // plugin-e2e begins each test at Grafana's home page, which no test here is about and which takes as long as any.
      await context.route(
        ({ pathname }) => pathname === '/',
        (route) => route.fulfill({ contentType: 'text/html', body: '' }),
      );
      await use(context);
      await context.close();
    },
    { scope: 'worker' },
  ],
  context: async ({ signedIn }, use) => {
    await use(signedIn);
    for (const page of signedIn.pages()) await page.close();
  },
  ...readSettings,
  fleet: async ({ request }, use) => {
    const saved: string[] = [];
    await use({
      async first(list, filters, wanted = () => true) {
        const response = await request.get(`${PROXY}/read/api/v1/${list}?${filters}&limit=500`);
        const { data } = (await response.json()) as { data: readonly Record<string, string>[] };
        const { source, [KEYS[list]]: id } = data.find(wanted) ?? {};
        if (source === undefined || id === undefined) throw new Error(`the demo fleet has no ${list} of ${filters}`);
        return { source, id };
      },
      act: (data) => request.post(`${PROXY}/act`, { data }),
      pageOf: (page) => `/a/${APP_ID}/${page}${page.includes('?') ? '&' : '?'}ds=${SOURCE.uid}`,
      async saveDashboard(dashboard) {
        const response = await request.post('/api/dashboards/db', { data: { dashboard, overwrite: true } });
        const { uid } = (await response.json()) as { uid: string };
        saved.push(uid);
        return uid;
      },
    });
    for (const uid of saved) await request.delete(`/api/dashboards/uid/${uid}`);
  },
  errors: async ({ page }, use) => {
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(String(error.stack)));
    await use(errors);
  },
});
