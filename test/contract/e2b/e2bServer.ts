import type { ApiClient } from 'e2b';
import { type AskedFor, type HostedAnswer, HostedService } from '../hostedServer.ts';

type Api = ApiClient['api'];
type ListAnswer = Awaited<ReturnType<typeof listAnswer>>;
type MetricsAnswer = Awaited<ReturnType<typeof metricsAnswer>>;
// Of the types alone: what the SDK's client, generated from the vendor's OpenAPI document, says that these calls answer.
const listAnswer = async (api: Api) => (await api.GET('/v2/sandboxes')).data ?? [];
const metricsAnswer = async (api: Api) =>
  (await api.GET('/sandboxes/{sandboxID}/metrics', { params: { path: { sandboxID: '' } } })).data ?? [];

/** As the API tells them. */
export type E2bSandbox = ListAnswer[number];
export type E2bMetric = MetricsAnswer[number];

/** The most that the API gives in a page. */
const MAX_PAGE = 100;

/**
 * The parts of the E2B API that are read: lists of sandboxes (states, metadata, pages by `x-next-token`) and their metrics, in
 * bulk and one by one.
 */
export class E2bServer extends HostedService {
  readonly sandboxes = new Map<string, E2bSandbox>();
  readonly metrics = new Map<string, E2bMetric[]>();
  /** A server of an earlier version knows no metrics in bulk. */
  hasBulk = true;
  pageSize = MAX_PAGE;

  static start(key = 'e2b_test'): Promise<E2bServer> {
    return new E2bServer(key).listen();
  }

  put(sandbox: E2bSandbox): void {
    this.sandboxes.set(sandbox.sandboxID, sandbox);
  }

  protected override answer({ path, query, headers }: AskedFor): HostedAnswer {
    if (headers['x-api-key'] !== this.key) return refuse(401, 'The API key is invalid');
    if (path === '/v2/sandboxes') return this.#list(query);
    if (path === '/sandboxes/metrics' && this.hasBulk) {
      const ids = query.get('sandbox_ids')?.split(',') ?? [];
      if (ids.length > MAX_PAGE) return refuse(400, `too many sandbox ids: ${ids.length}`);
      const latest = ids.flatMap((id) => {
        const metric = this.metrics.get(id)?.at(-1);
        return metric === undefined ? [] : [[id, metric] as const];
      });
      return { body: { sandboxes: Object.fromEntries(latest) } };
    }
    const id = /^\/sandboxes\/([^/]+)\/metrics$/.exec(path)?.[1];
    if (id === undefined || !this.sandboxes.has(id)) return refuse(404, `${path} not found`);
    return { body: this.metrics.get(id) ?? [] };
  }

  #list(query: URLSearchParams): HostedAnswer {
    const states = query.get('state')?.split(',') ?? ['running'];
    const metadata = [...new URLSearchParams(query.get('metadata') ?? '')].map(([key, value]) => [
      decodeURIComponent(key),
      decodeURIComponent(value),
    ]);
    const listed = [...this.sandboxes.values()]
      .filter(
        (sandbox) =>
          states.includes(sandbox.state) && metadata.every(([key = '', value]) => sandbox.metadata?.[key] === value),
      )
      .sort((a, b) => b.startedAt.localeCompare(a.startedAt) || a.sandboxID.localeCompare(b.sandboxID));
    const size = Math.min(this.pageSize, Number(query.get('limit') ?? MAX_PAGE));
    const token = query.get('nextToken');
    const start = token === null ? 0 : Number(Buffer.from(token, 'base64url').toString());
    const isLast = start + size >= listed.length;
    return {
      headers: {
        'x-total-running': String(listed.filter(({ state }) => state === 'running').length),
        ...(isLast ? {} : { 'x-next-token': Buffer.from(String(start + size)).toString('base64url') }),
      },
      body: listed.slice(start, start + size),
    };
  }
}

function refuse(code: number, message: string): HostedAnswer {
  return { status: code, body: { code, message } };
}

/** A sandbox in some state. */
export function e2bSandbox(sandbox: Pick<E2bSandbox, 'sandboxID'> & Partial<E2bSandbox>): E2bSandbox {
  return {
    templateID: 'tpl_agents',
    clientID: 'client',
    startedAt: '2026-11-20T10:00:00.000Z',
    endAt: '2036-11-20T11:00:00.000Z',
    state: 'running',
    cpuCount: 2,
    memoryMB: 1_024,
    diskSizeMB: 5_120,
    envdVersion: '0.4.1',
    ...sandbox,
  };
}

export function e2bMetric(metric: Partial<E2bMetric> = {}): E2bMetric {
  return {
    timestamp: '2026-11-20T10:05:00.000Z',
    timestampUnix: Date.parse('2026-11-20T10:05:00.000Z') / 1000,
    cpuCount: 2,
    cpuUsedPct: 37.5,
    memUsed: 268_435_456,
    memTotal: 1_073_741_824,
    memCache: 67_108_864,
    diskUsed: 1_610_612_736,
    diskTotal: 5_368_709_120,
    ...metric,
  };
}
