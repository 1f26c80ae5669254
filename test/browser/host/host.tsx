/**
 * A page that loads built plugins as Grafana's shell does: SystemJS, the genuine packages as shared modules, the runtime's services
 * set. It has no logic of the plugin: it hands on packages, addresses and records of what went wrong.
 */
import * as emotionCss from '@emotion/css';
import * as emotionReact from '@emotion/react';
import * as grafanaData from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import * as grafanaRuntime from '@grafana/runtime';
import * as grafanaUi from '@grafana/ui';
import i18next from 'i18next';
import lodash from 'lodash';
import moment from 'moment';
import * as React from 'react';
import * as jsxRuntime from 'react/jsx-runtime';
import * as ReactDom from 'react-dom';
import { createRoot } from 'react-dom/client';
import * as ReactRouter from 'react-router';
import { setPanelDataErrorView } from 'runtime-components/PanelDataErrorView';
import { setPluginPage } from 'runtime-components/PluginPage';
import * as rxjs from 'rxjs';

interface PluginJson {
  id: string;
  type: string;
  name: string;
  includes?: { type: string; name: string; path?: string; addToNav?: boolean }[];
  info: grafanaData.PluginMetaInfo;
}
interface Boot {
  user: { theme: string };
  settings: {
    plugins: Record<string, PluginJson>;
    datasources: Record<string, grafanaData.DataSourceInstanceSettings>;
  };
}
declare global {
  interface Window {
    grafanaBootData: Boot;
    /** What was thrown and nobody caught. */
    hostErrors: string[];
    System: {
      import(address: string): Promise<{ default?: unknown }>;
      set(id: string, module: object): void;
      addImportMap(map: { imports: Record<string, string> }): void;
    };
  }
}

window.hostErrors = [];
window.addEventListener('error', ({ message }) => window.hostErrors.push(message));
window.addEventListener('unhandledrejection', ({ reason }) => window.hostErrors.push(String(reason?.stack ?? reason)));

const { config, locationService } = grafanaRuntime;
const { plugins, datasources } = window.grafanaBootData.settings;
const APP = Object.values(plugins).find(({ type }) => type === 'app') as PluginJson;

// ---- what Grafana's own services do, over real HTTP
const backendSrv = {
  fetch: (request: grafanaRuntime.BackendSrvRequest) =>
    new rxjs.Observable<unknown>((subscriber) => {
      const controller = new AbortController();
      const query = request.params === undefined ? '' : `?${new URLSearchParams(request.params)}`;
      fetch(`${request.url.startsWith('/') ? '' : '/'}${request.url}${query}`, {
        method: request.method ?? 'GET',
        signal: controller.signal,
        headers: {
          accept: 'application/json',
          ...(request.data && { 'content-type': 'application/json' }),
          ...request.headers,
        },
        body: request.data === undefined ? null : JSON.stringify(request.data),
      })
        .then(async (response) => {
          const text = await response.text();
          let data: unknown = text;
          if (request.responseType !== 'text' && text !== '') data = readJson(text);
          const { status, statusText, ok, headers, url, redirected, type } = response;
          const answer = { status, statusText, ok, headers, url, redirected, type, data, config: request };
          if (!ok) return subscriber.error(answer);
          subscriber.next(answer);
          subscriber.complete();
        })
        // A request that is given up in the midst of its answer ends here, too.
        .catch((error: unknown) =>
          subscriber.error({ status: -1, statusText: String(error), data: {}, config: request }),
        );
      return () => controller.abort();
    }),
  async request(request: grafanaRuntime.BackendSrvRequest) {
    const { data } = (await rxjs.lastValueFrom(this.fetch(request))) as { data: unknown };
    return data;
  },
  get(url: string, params: Record<string, string> = {}) {
    return this.request({ method: 'GET', url, params });
  },
  post(url: string, data?: unknown) {
    return this.request({ method: 'POST', url, data });
  },
  put(url: string, data?: unknown) {
    return this.request({ method: 'PUT', url, data });
  },
};

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // as Grafana's own service: not every answer is JSON
  }
}

const metaOf = (id: string) =>
  ({
    ...plugins[id],
    module: `public/plugins/${id}/module.js`,
    baseUrl: `public/plugins/${id}`,
    enabled: true,
    jsonData: {},
  }) as unknown as grafanaData.PluginMeta & grafanaData.AppPluginMeta & grafanaData.PanelPluginMeta;

async function load<T>(id: string): Promise<T> {
  const module = await window.System.import(`${location.origin}/public/plugins/${id}/module.js`);
  // Webpack's AMD module is a promise where the entry awaits at its top.
  const exported = (await (module.default ?? module)) as { plugin: T };
  return exported.plugin;
}

const sources = new Map<string, Promise<grafanaData.DataSourceApi>>();
const settingsOf = (ref?: unknown): grafanaData.DataSourceInstanceSettings | undefined => {
  const all = Object.values(datasources);
  const key = typeof ref === 'object' && ref !== null && 'uid' in ref ? ref.uid : ref;
  const found = all.find(({ uid, name }) => uid === key || name === key) ?? (key === undefined ? all[0] : undefined);
  return found && { ...found, meta: metaOf(found.type) as unknown as grafanaData.DataSourcePluginMeta };
};
const dataSourceSrv = {
  getInstanceSettings: settingsOf,
  getList: ({ type }: { type?: string | string[] } = {}) =>
    Object.values(datasources)
      .filter((source) => type === undefined || [type].flat().includes(source.type))
      .map(({ uid }) => settingsOf(uid)),
  get(ref: unknown) {
    const settings = settingsOf(ref);
    if (settings === undefined) return Promise.reject(new Error(`no data source ${JSON.stringify(ref)}`));
    const known = sources.get(settings.uid);
    if (known !== undefined) return known;
    const source = load<grafanaData.DataSourcePlugin<grafanaData.DataSourceApi>>(settings.type).then((plugin) => {
      const instance = new plugin.DataSourceClass(settings);
      return Object.assign(instance, { components: plugin.components, meta: settings.meta });
    });
    sources.set(settings.uid, source);
    return source;
  },
  reload: async () => undefined,
};
const templateSrv = {
  getVariables: () => [],
  containsTemplate: (text?: string) => /\$\{?\w+/.test(text ?? ''),
  updateTimeRange: () => undefined,
  replace: (text = '', scoped: grafanaData.ScopedVars = {}) =>
    text.replace(/\$(?:\{(\w+)(?::[^}]*)?\}|(\w+))/g, (whole, braced, bare) => {
      const variable = scoped[braced ?? bare];
      return variable === undefined ? whole : String(variable.value);
    }),
};

// ---- the shell around a page
function PageFrame({ children, pageNav, actions, subTitle, info, renderTitle }: grafanaRuntime.PluginPageProps) {
  const title = pageNav?.text ?? APP.name;
  return (
    <div style={{ padding: 16 }}>
      <div style={{ display: 'flex', flexWrap: 'wrap', justifyContent: 'space-between', gap: 8 }}>
        {renderTitle?.(title) ?? <h1>{title}</h1>}
        <div>{actions}</div>
      </div>
      {subTitle !== undefined && <div>{subTitle}</div>}
      {info?.map(({ label, value }) => (
        <div key={label}>
          {label}: {value}
        </div>
      ))}
      {children}
    </div>
  );
}

function Loaded<T>({ id, children }: { id: string; children: (plugin: T) => React.ReactNode }) {
  const [plugin, setPlugin] = React.useState<{ loaded: T }>();
  const [error, setError] = React.useState<unknown>();
  React.useEffect(() => {
    load<T>(id).then((loaded) => setPlugin({ loaded }), setError);
  }, [id]);
  if (error !== undefined) return <grafanaUi.Alert title="The plugin failed to load">{String(error)}</grafanaUi.Alert>;
  return plugin === undefined ? null : children(plugin.loaded);
}

function AppRoot() {
  return (
    <Loaded<grafanaData.AppPlugin> id={APP.id}>
      {(plugin) => {
        const Page = plugin.root as React.ComponentType<grafanaData.AppRootProps>;
        plugin.meta = metaOf(APP.id);
        return (
          <grafanaData.PluginContextProvider meta={plugin.meta}>
            <Page
              meta={plugin.meta}
              basename={`/a/${APP.id}`}
              onNavChanged={() => undefined}
              query={{}}
              path={`/a/${APP.id}`}
            />
          </grafanaData.PluginContextProvider>
        );
      }}
    </Loaded>
  );
}

function ConfigPages() {
  return (
    <Loaded<grafanaData.AppPlugin> id={APP.id}>
      {(plugin) => {
        plugin.meta = metaOf(APP.id);
        return plugin.configPages?.map(({ id, body: Body }) => <Body key={id} plugin={plugin} query={{}} />);
      }}
    </Loaded>
  );
}

/** `/d/panel?plugin=<id>&query=<json>&options=<json>`: a panel over the answer of the data source. */
function PanelPage() {
  const parameters = new URLSearchParams(ReactRouter.useLocation().search);
  const id = parameters.get('plugin') ?? '';
  const [data, setData] = React.useState<grafanaData.PanelData>();
  const query = parameters.get('query') ?? '{}';
  React.useEffect(() => {
    const target = { refId: 'A', ...JSON.parse(query) };
    const range = grafanaData.getDefaultTimeRange();
    const request = {
      targets: [target],
      range,
      rangeRaw: range.raw,
      scopedVars: {},
      interval: '1m',
      intervalMs: 60_000,
      maxDataPoints: 500,
      requestId: 'panel',
      timezone: 'utc',
      app: 'dashboard',
      startTime: Date.now(),
    };
    let subscription: rxjs.Subscription | undefined;
    void dataSourceSrv.get(undefined).then((source) => {
      subscription = rxjs.from(source.query(request as grafanaData.DataQueryRequest)).subscribe((answer) => {
        const series = answer.data.map((frame) => grafanaData.toDataFrame(frame));
        setData({
          state: answer.state ?? grafanaData.LoadingState.Done,
          series,
          timeRange: range,
          request: request as grafanaData.DataQueryRequest,
          ...(answer.errors && { errors: answer.errors }),
        });
      });
    });
    return () => subscription?.unsubscribe();
  }, [query]);
  if (data === undefined) return null;
  return (
    <Loaded<grafanaData.PanelPlugin> id={id}>
      {(plugin) => {
        const Panel = plugin.panel as React.ComponentType<grafanaData.PanelProps>;
        const options = { ...plugin.defaults, ...JSON.parse(parameters.get('options') ?? '{}') };
        const width = Math.min(1_200, window.innerWidth - 32);
        return (
          <div style={{ width, height: 700, padding: 16 }}>
            <Panel
              id={1}
              title=""
              transparent={false}
              data={data}
              options={options}
              fieldConfig={{ defaults: {}, overrides: [] }}
              onOptionsChange={() => undefined}
              onFieldConfigChange={() => undefined}
              onChangeTimeRange={() => undefined}
              replaceVariables={(text) => text}
              timeRange={data.timeRange}
              timeZone="utc"
              width={width}
              height={700}
              renderCounter={0}
              eventBus={new grafanaData.EventBusSrv()}
            />
          </div>
        );
      }}
    </Loaded>
  );
}

function Router({ children }: { children: React.ReactNode }) {
  const history = locationService.getHistory();
  const [state, setState] = React.useState({ location: history.location, action: history.action });
  React.useLayoutEffect(
    () => history.listen((location, action) => setState({ location: { ...location }, action })),
    [history],
  );
  const navigator = React.useMemo(
    () => ({
      createHref: (to: string | object) => history.createHref(typeof to === 'string' ? { pathname: to } : to),
      push: (to: string, value: unknown) => history.push(to, value),
      replace: (to: string, value: unknown) => history.replace(to, value),
      go: (steps: number) => history.go(steps),
    }),
    [history],
  );
  const props = {
    location: state.location,
    navigationType: state.action,
    navigator,
  } as unknown as ReactRouter.RouterProps;
  return <ReactRouter.Router {...props}>{children}</ReactRouter.Router>;
}

function Host() {
  return (
    <grafanaData.ThemeContext.Provider value={config.theme2}>
      <grafanaUi.GlobalStyles isExtensionSidebarOpen={false} />
      <grafanaRuntime.LocationServiceProvider service={locationService}>
        <Router>
          <nav aria-label="App" style={{ display: 'flex', flexWrap: 'wrap', gap: 12, padding: '8px 16px' }}>
            {APP.includes
              ?.filter(({ addToNav }) => addToNav)
              .map(({ path = '', name }) => (
                <ReactRouter.Routes key={path}>
                  <ReactRouter.Route path="*" element={<grafanaUi.TextLink href={path}>{name}</grafanaUi.TextLink>} />
                </ReactRouter.Routes>
              ))}
          </nav>
          <main>
            <grafanaUi.ErrorBoundaryAlert style="page">
              <ReactRouter.Routes>
                <ReactRouter.Route path={`/a/${APP.id}/*`} element={<AppRoot />} />
                <ReactRouter.Route path={`/plugins/${APP.id}`} element={<ConfigPages />} />
                <ReactRouter.Route path="/d/panel" element={<PanelPage />} />
              </ReactRouter.Routes>
            </grafanaUi.ErrorBoundaryAlert>
          </main>
          <grafanaUi.PortalContainer />
        </Router>
      </grafanaRuntime.LocationServiceProvider>
    </grafanaData.ThemeContext.Provider>
  );
}

async function start(): Promise<void> {
  await initPluginTranslations('grafana', []);
  grafanaData.locationUtil.initialize({
    config,
    getTimeRangeForUrl: () => ({ from: 'now-1h', to: 'now' }),
    getVariablesUrlParams: () => ({}),
  });
  grafanaData.setTimeZoneResolver(() => 'utc');
  const editors = [
    'number',
    'slider',
    'text',
    'strings',
    'boolean',
    'select',
    'multi-select',
    'radio',
    'unit',
    'color',
    'thresholds',
    'mappings',
    'links',
    'actions',
  ];
  const noEditors = () => editors.map((id) => ({ id, name: id, editor: () => null })) as never;
  grafanaData.standardEditorsRegistry.setInit(noEditors);
  grafanaData.standardFieldConfigEditorRegistry.setInit(() => []);
  const set = grafanaRuntime as unknown as Record<string, ((value: unknown) => void) | undefined>;
  const services: Record<string, unknown> = {
    setBackendSrv: backendSrv,
    setDataSourceSrv: dataSourceSrv,
    setTemplateSrv: templateSrv,
    setLocationSrv: { update: ({ path = '' }) => locationService.push(path) },
    setEchoSrv: { flush: () => undefined, addBackend: () => undefined, addEvent: () => undefined },
    setAppEvents: new grafanaData.EventBusSrv(),
    setCurrentUser: window.grafanaBootData.user,
    setPluginLinksHook: () => ({ links: [], isLoading: false }),
    setReturnToPreviousHook: () => () => undefined,
    setChromeHeaderHeightHook: () => 0,
  };
  for (const [name, service] of Object.entries(services)) set[name]?.(service);
  setPluginPage(PageFrame);
  setPanelDataErrorView(() => <div>No data</div>);

  const shared: Record<string, object> = {
    lodash,
    moment,
    i18next,
    rxjs,
    react: React,
    'react/jsx-runtime': jsxRuntime,
    'react-dom': ReactDom,
    'react-router': ReactRouter,
    '@emotion/css': emotionCss,
    '@emotion/react': emotionReact,
    '@grafana/data': grafanaData,
    '@grafana/runtime': grafanaRuntime,
    '@grafana/ui': grafanaUi,
  };
  for (const [name, module] of Object.entries(shared)) {
    window.System.set(`app:${name}`, {
      ...module,
      default: 'default' in module ? module.default : module,
      __useDefault: false,
    });
  }
  window.System.addImportMap({ imports: Object.fromEntries(Object.keys(shared).map((name) => [name, `app:${name}`])) });
  createRoot(document.getElementById('app') as HTMLElement).render(<Host />);
}

start().catch((error: Error) => {
  window.hostErrors.push(String(error.stack));
  document.body.append(String(error.stack));
});
