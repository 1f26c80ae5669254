import { readFileSync } from 'node:fs';
import type { ActionName } from '@contract/actions.ts';
import type { ChangesAnswer } from '@contract/live.ts';
import type { MeAnswer } from '@contract/me.ts';
import { type DataSourceInstanceSettings, PluginContextProvider, type PluginMeta } from '@grafana/data';
import { type BackendSrvRequest, setBackendSrv, setDataSourceSrv } from '@grafana/runtime';
import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { MemoryRouter, Route, Routes, useLocation } from 'react-router-dom';
import { lastValueFrom, Observable } from 'rxjs';
import { ApiDescription } from '../../../test/support/apiDescription.ts';
import App from '../app/App';
import type { AppOptions } from '../app/linkTemplates';
import { APP_ID, APP_PATH, DATA_SOURCE_ID } from '../constants';

/** Where the exporter's API is for tests: as behind the data source proxy of a Grafana. */
export const ORIGIN = 'http://grafana.test';
const PROXY = '/api/datasources/proxy/uid/fleet';
/** Address of the data source, as its settings have it. */
export const PROXY_URL = `${ORIGIN}${PROXY}`;
/** @returns the address that handlers of MSW answer for a read route, such as `/api/v1/runs`. */
export const readUrl = (path: string) => `${ORIGIN}${PROXY}/read${path}`;
export const ACT_URL = `${ORIGIN}${PROXY}/act`;

/** A handler that says which actions who asks may perform. */
export const allow = (...actions: ActionName[]) =>
  http.get(readUrl('/api/v1/me'), () => HttpResponse.json<MeAnswer>({ name: 'ann', role: 'viewer', actions }));

/** Answers of the exporter; a request that no handler knows fails the test. */
export const server = setupServer(
  allow(
    'acknowledge_run',
    'acknowledge_budget',
    'pin_baseline',
    'rebase_baseline',
    'read_notification',
    'dismiss_notification',
    'read_all_notifications',
  ),
  // Nothing happens, unless a test says so.
  http.get(readUrl('/api/v1/changes'), () =>
    HttpResponse.json<ChangesAnswer>({ position: '1', more: false, events: [] }),
  ),
);

const API = ApiDescription.of(JSON.parse(readFileSync(process.env.FLEETLENS_API_DESCRIPTION ?? '', 'utf8')));
/** What handlers answered that the exporter would not: a page that asks so would show something else, or nothing. */
const problems: Promise<string | undefined>[] = [];
server.events.on('response:mocked', ({ request: { method, url }, response }) => {
  // The rest is Grafana's own.
  if (url !== ACT_URL && !url.startsWith(readUrl(''))) return;
  const path = url === ACT_URL ? '/api/v1/actions' : url.slice(readUrl('').length);
  const { status, headers } = response;
  const contentType = headers.get('content-type');
  problems.push(
    response
      .clone()
      .text()
      // Grafana's proxy says in its own way what goes wrong there.
      .then((body) =>
        status >= 400 && body.startsWith('{"message"')
          ? undefined
          : API.problemOf({ method, path, status, contentType, body }),
      ),
  );
});

export function serveFleet(): void {
  beforeAll(() => {
    server.listen({ onUnhandledRequest: 'error' });
    const post = async (url: string, data: unknown) =>
      ((await lastValueFrom(fetchAsGrafana({ url, method: 'POST', data }))) as { data: unknown }).data;
    setBackendSrv({ fetch: fetchAsGrafana, post } as unknown as Parameters<typeof setBackendSrv>[0]);
    setDataSourceSrv({ getList: () => [BUILT_IN, SETTINGS] } as unknown as Parameters<typeof setDataSourceSrv>[0]);
  });
  afterEach(async () => {
    server.resetHandlers();
    const found = await Promise.all(problems.splice(0));
    expect(found.filter((problem) => problem !== undefined)).toEqual([]);
  });
  afterAll(() => server.close());
}

/** Grafana lists it whatever type it is asked for. */
const BUILT_IN = {
  uid: 'grafana',
  name: '-- Grafana --',
  type: 'datasource',
  isDefault: true,
} as DataSourceInstanceSettings;

const SETTINGS = {
  uid: 'fleet',
  name: 'Fleetlens',
  type: DATA_SOURCE_ID,
  url: `${ORIGIN}${PROXY}`,
  isDefault: false,
} as DataSourceInstanceSettings;

/** Tells where the app is. */
function Address({ onChange }: { onChange: (address: string) => void }) {
  const { pathname, search } = useLocation();
  onChange(`${pathname}${search}`);
  return null;
}

/**
 * Opens a page of the app by its URL, as a browser would: `runs?status=failed`.
 * @param jsonData what the app's configuration keeps
 */
export function openPage(path: string, jsonData: AppOptions = {}) {
  const user = userEvent.setup();
  let current = '';
  const note = (address: string) => {
    current = address;
  };
  const view = render(
    <PluginContextProvider meta={{ id: APP_ID, jsonData } as PluginMeta}>
      <MemoryRouter initialEntries={[`${APP_PATH}/${path}`]}>
        <Address onChange={note} />
        <Routes>
          <Route path={`${APP_PATH}/*`} element={<App {...({} as Parameters<typeof App>[0])} />} />
        </Routes>
      </MemoryRouter>
    </PluginContextProvider>,
  );
  /** `address()`: where the app is now. */
  return { ...view, user, address: () => current };
}

/** The shape of Grafana's own backend service, over a real fetch. */
function fetchAsGrafana(request: BackendSrvRequest): Observable<unknown> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    const body = request.data === undefined ? {} : { body: JSON.stringify(request.data) };
    fetch(new URL(request.url, ORIGIN), {
      method: request.method ?? 'GET',
      headers: { 'content-type': 'application/json' },
      signal: controller.signal,
      ...body,
    }).then(
      async (response) => {
        const text = await response.text();
        const { status, statusText, headers, ok } = response;
        const answer = {
          status,
          statusText,
          headers,
          ok,
          data: text === '' ? undefined : JSON.parse(text),
          config: request,
        };
        if (!ok) return subscriber.error(answer);
        subscriber.next(answer);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error({ status: -1, statusText: String(error), config: request }),
    );
    return () => controller.abort();
  });
}
