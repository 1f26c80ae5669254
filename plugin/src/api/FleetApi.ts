import type { Page, RecordListName, RunAnswer } from '@contract/api.ts';
import type { Kind, RECORD_KINDS, RecordOf } from '@contract/records.ts';
import { type BackendSrvRequest, getBackendSrv } from '@grafana/runtime';
import { ApiFailure } from './ApiFailure';

export type Parameter = string | number | boolean | undefined | readonly (string | number)[];
export type Parameters = Readonly<Record<string, Parameter>>;

type OptionalKey<K extends Kind> = (typeof RECORD_KINDS)[K] extends { optionalKey: readonly (infer F)[] } ? F : never;
type KeyField<K extends Kind> = Exclude<(typeof RECORD_KINDS)[K]['key'][number], OptionalKey<K>> & keyof RecordOf<K>;
/** A record as it is answered: what identifies it is there, anything else may be unknown. */
export type Listed<K extends Kind> = RecordOf<K> & { readonly [F in KeyField<K>]-?: NonNullable<RecordOf<K>[F]> };
/** A run with what was asked to be included. */
export type AnsweredRun = Omit<RunAnswer, 'steps'> & Listed<'run'> & { readonly steps?: readonly Listed<'step'>[] };

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The exporter's API as the browser reaches it: through the proxy of a data source, which adds the token and who asks.
 * Every method rejects with {@link ApiFailure}.
 */
export class FleetApi {
  /** `/api/datasources/proxy/uid/<uid>`, with Grafana's sub-path. */
  readonly #proxy: string;

  constructor(proxyUrl: string) {
    this.#proxy = proxyUrl.replace(/\/$/, '');
  }

  /** Where a read route is, for what fetches by itself: downloads and the live stream. `path` begins with a slash. */
  url(path: string, parameters: Parameters = {}): string {
    const query = toQuery(parameters);
    return `${this.#proxy}/read${path}${query === '' ? '' : `?${query}`}`;
  }

  /** `GET <path>` of the exporter, such as `/api/v1/runs`. */
  get<T>(path: string, parameters: Parameters = {}, { signal }: AskOptions = {}): Promise<T> {
    return ask<T>({ method: 'GET', url: this.url(path, parameters) }, signal);
  }

  /** `POST /api/v1/actions`: resolves after the commit of the change and its audit entry. */
  act<T>(action: string, input: Readonly<Record<string, unknown>>): Promise<T> {
    return ask<T>({ method: 'POST', url: `${this.#proxy}/act`, data: { action, ...input } });
  }

  runs(parameters: Parameters, options?: AskOptions): Promise<Page<Listed<'run'>>> {
    return this.get('/api/v1/runs', parameters, options);
  }

  run(source: string, id: string, include: readonly string[] = [], options?: AskOptions): Promise<AnsweredRun> {
    return this.get(runPath(source, id), { include: include.length > 0 ? include.join(',') : undefined }, options);
  }

  output(source: string, id: string, parameters: Parameters, options?: AskOptions): Promise<Page<Listed<'output'>>> {
    return this.get(`${runPath(source, id)}/output`, parameters, options);
  }

  chain(source: string, id: string, options?: AskOptions): Promise<Listed<'chain'>> {
    return this.get(`/api/v1/chains/${encodeURIComponent(source)}/${encodeURIComponent(id)}`, {}, options);
  }

  /** The runs of a chain's sprints, oldest first. */
  runsOfChain(source: string, id: string, options?: AskOptions): Promise<Page<Listed<'run'>>> {
    const ofChain = { source, chain_id: id, sort: 'created_at', order: 'asc', limit: 500 };
    return this.runs(ofChain, options);
  }

  /** Any list besides runs: `chains`, `sandboxes`, … */
  list<K extends Kind>(name: RecordListName, parameters: Parameters, options?: AskOptions): Promise<Page<Listed<K>>> {
    return this.get(`/api/v1/${name}`, parameters, options);
  }
}

export function runPath(source: string, id: string): string {
  return `/api/v1/runs/${encodeURIComponent(source)}/${encodeURIComponent(id)}`;
}

function toQuery(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) query.append(name, String(item));
  }
  return query.toString();
}

/** An aborted request is cancelled on the way, too. */
function ask<T>(request: BackendSrvRequest, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const subscription = getBackendSrv()
      .fetch<T>({ ...request, showErrorAlert: false, showSuccessAlert: false })
      .subscribe({ next: ({ data }) => resolve(data), error: (error: unknown) => reject(toFailure(error)) });
    signal?.addEventListener(
      'abort',
      () => {
        subscription.unsubscribe();
        reject(signal.reason);
      },
      { once: true },
    );
  });
}

function toFailure(error: unknown): ApiFailure {
  // Grafana itself was not reached.
  if (typeof error !== 'object' || error === null || !('status' in error)) {
    return new ApiFailure(0, undefined, { statusText: error instanceof Error ? error.message : String(error) });
  }
  const { status, data, statusText, headers } = error as {
    status: number;
    data?: unknown;
    statusText?: string;
    headers?: Headers;
  };
  return new ApiFailure(Math.max(0, status), data, {
    ...(statusText === undefined ? {} : { statusText }),
    retryAfter: headers?.get?.('retry-after') ?? null,
  });
}
