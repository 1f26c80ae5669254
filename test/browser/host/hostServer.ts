import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ICONS = fileURLToPath(new URL('../../../node_modules/@grafana/ui/dist/public/', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};
const SOURCE_UID = 'fleet';
const DATE_FORMATS = {
  fullDate: 'YYYY-MM-DD HH:mm:ss',
  interval: {
    millisecond: 'HH:mm:ss.SSS',
    second: 'HH:mm:ss',
    minute: 'HH:mm',
    hour: 'MM/DD HH:mm',
    day: 'MM/DD',
    month: 'YYYY-MM',
    year: 'YYYY',
  },
  useBrowserLocale: false,
  defaultTimezone: 'utc',
};

interface ProxyRoute {
  readonly path: string;
  readonly method?: string;
  readonly url: string;
  readonly headers?: readonly { readonly name: string; readonly content: string }[];
}
interface PluginJson {
  readonly id: string;
  readonly type: string;
  readonly routes?: readonly ProxyRoute[];
}

export interface HostOptions {
  /** Of {@link buildHost}. */
  readonly hostDirectory: string;
  /** The built plugin. */
  readonly pluginDirectory: string;
  readonly exporterUrl: string;
  /** What the data source's `secureJsonData.token` holds. */
  readonly token: string;
  /** @returns the identity that Grafana signs for a person of this basic role. */
  identityOf(role: string): string;
}

export interface Host {
  readonly url: string;
  /** Ends every connection that is proxied now, as a network does. */
  cutConnections(): void;
  /** While false, what is proxied is refused. */
  setReachable(isReachable: boolean): void;
  stop(): Promise<void>;
}

/**
 * Grafana's part in front of the exporter: serves the host page and plugins, and proxies what the data source's routes in its
 * plugin.json allow, with the token and a signed identity. `?theme=light` and `?role=Editor` choose who looks at what.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const plugins = findPlugins(options.pluginDirectory);
  const proxied = new Set<() => void>();
  let isReachable = true;

  const server = createServer((request, response) => {
    const { pathname, search, searchParams } = new URL(request.url ?? '/', 'http://host');
    const asset = assetOf(pathname, plugins, options.hostDirectory);
    if (asset !== undefined) {
      sendFile(response, asset);
      return;
    }
    const proxy = `/api/datasources/proxy/uid/${SOURCE_UID}/`;
    if (pathname.startsWith(proxy)) return forward(request, response, pathname.slice(proxy.length), search);
    const settings = /^\/api\/plugins\/([^/]+)\/settings$/.exec(pathname)?.[1];
    if (settings !== undefined)
      return sendJson(response, 200, { ...plugins.get(settings)?.json, enabled: true, jsonData: {} });
    if (pathname.startsWith('/api/') || pathname.startsWith('/public/')) {
      return sendJson(response, 404, { message: `the host has no ${pathname}` });
    }
    const role = searchParams.get('role') ?? 'Admin';
    response.setHeader('set-cookie', `role=${role}; Path=/`);
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(page(plugins, searchParams.get('theme') ?? 'dark', role));
  });

  function forward(request: IncomingMessage, response: ServerResponse, path: string, search: string): void {
    const source = [...plugins.values()].find(({ json }) => json.type === 'datasource')?.json;
    const route = source?.routes?.find(
      (candidate) => path.startsWith(candidate.path) && (candidate.method ?? request.method) === request.method,
    );
    if (!isReachable || route === undefined) {
      if (isReachable) sendJson(response, 403, { message: 'no route of the data source allows this' });
      else sendJson(response, 502, { message: 'bad gateway' });
      return;
    }
    const filled = (text: string) =>
      text
        .replaceAll('{{ .JsonData.url }}', options.exporterUrl)
        .replaceAll('{{ .SecureJsonData.token }}', options.token);
    const role = /role=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? 'Admin';
    const { 'content-type': type, accept, 'last-event-id': lastEventId } = request.headers;
    const upstream = httpRequest(`${filled(route.url)}${path.slice(route.path.length)}${search}`, {
      method: request.method,
      headers: {
        ...(type !== undefined && { 'content-type': type }),
        ...(accept !== undefined && { accept }),
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
        ...Object.fromEntries((route.headers ?? []).map(({ name, content }) => [name, filled(content)])),
        'x-grafana-id': options.identityOf(role),
      },
    });
    const cut = () => {
      upstream.destroy();
      response.destroy();
    };
    proxied.add(cut);
    response.once('close', () => {
      proxied.delete(cut);
      upstream.destroy();
    });
    upstream.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    upstream.once('error', (error) => {
      if (!response.headersSent) sendJson(response, 502, { message: error.message });
      else response.destroy();
    });
    request.pipe(upstream);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutConnections: () => {
      for (const cut of [...proxied]) cut();
    },
    setReachable: (reachable) => {
      isReachable = reachable;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Every plugin of a build: the app's and those nested in it, each with its folder. */
function findPlugins(directory: string): Map<string, { directory: string; json: PluginJson }> {
  const found = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('plugin.json'))
    .map((path) => {
      const json = JSON.parse(readFileSync(join(directory, path), 'utf8')) as PluginJson;
      return [json.id, { directory: join(directory, dirname(path)), json }] as const;
    });
  return new Map(found);
}

function assetOf(pathname: string, plugins: ReturnType<typeof findPlugins>, hostDirectory: string): string | undefined {
  const [, id, path] = /^\/public\/plugins\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
  const plugin = id === undefined ? undefined : plugins.get(id);
  if (plugin !== undefined && path !== undefined) return join(plugin.directory, normalize(`/${path}`));
  if (pathname.startsWith('/host/')) return join(hostDirectory, normalize(pathname.slice('/host'.length)));
  if (pathname.startsWith('/public/build/img/')) return join(ICONS, normalize(pathname.slice('/public/build'.length)));
  return undefined;
}

function sendFile(response: ServerResponse, file: string): void {
  if (!existsSync(file)) {
    sendJson(response, 404, { message: 'no such file' });
    return;
  }
  // As Grafana: what a build made stays as it is, so that a browser compiles it once.
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'cache-control': 'public, max-age=3600',
  });
  createReadStream(file).pipe(response);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function page(plugins: ReturnType<typeof findPlugins>, theme: string, role: string): string {
  const source = [...plugins.values()].find(({ json }) => json.type === 'datasource')?.json;
  const boot = {
    user: {
      id: 1,
      isSignedIn: true,
      login: role.toLowerCase(),
      email: `${role.toLowerCase()}@fleet.example`,
      orgId: 1,
      orgRole: role,
      theme,
      lightTheme: theme === 'light',
      timezone: 'utc',
      language: 'en-US',
      locale: 'en-US',
      permissions: { 'fleetlens-fleet-app.actions:write': true },
    },
    navTree: [],
    settings: {
      buildInfo: { version: '13.2.2', commit: '', env: 'production', edition: 'Open Source' },
      datasources: {
        Fleetlens: {
          uid: SOURCE_UID,
          name: 'Fleetlens',
          type: source?.id,
          url: `/api/datasources/proxy/uid/${SOURCE_UID}`,
          jsonData: {},
          access: 'proxy',
          isDefault: true,
          readOnly: true,
        },
      },
      defaultDatasource: 'Fleetlens',
      panels: {},
      apps: {},
      featureToggles: {},
      appSubUrl: '',
      appUrl: '',
      namespace: 'default',
      plugins: Object.fromEntries([...plugins].map(([id, { json }]) => [id, json])),
      dateFormats: DATE_FORMATS,
    },
  };
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Fleetlens</title><base href="/">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="host/host.css"><style>body{margin:0}</style></head><body><div id="app"></div>
<script>window.grafanaBootData=${JSON.stringify(boot).replaceAll('<', '\\u003c')}</script>
<script src="host/system.js"></script><script src="host/amd.js"></script><script type="module" src="host/host.js"></script></body></html>`;
}
