import { ListRunResponse, QueueItem, RetrieveRunResponse } from '@trigger.dev/core/v3/schemas';
import type { z } from 'zod';
import { type AskedFor, type HostedAnswer, HostedService } from '../hostedServer.ts';
import type { RequestQuota } from '../requestQuota.ts';

/** As the API tells it: the input of the SDK's own schema of a run's details, and the environment that lists add. */
export type TriggerRun = Omit<z.input<typeof RetrieveRunResponse>, 'createdAt' | 'updatedAt' | Times> &
  Record<'createdAt' | 'updatedAt', string> &
  Partial<Record<Times, string>> & { env: { id: string; name: string; user?: string } };
type Times = 'startedAt' | 'finishedAt' | 'delayedUntil' | 'expiredAt';

export interface TriggerQueue {
  id: string;
  name: string;
  type: 'task' | 'custom';
  running: number;
  queued: number;
  paused: boolean;
  concurrencyLimit: number | null;
  version?: 'V1' | 'V2';
  concurrency?: object;
}

const DETAILS_ONLY = new Set([
  'depth',
  'triggerFunction',
  'batchId',
  'payload',
  'payloadPresignedUrl',
  'output',
  'outputPresignedUrl',
  'error',
  'schedule',
  'relatedRuns',
  'attemptCount',
]);

/**
 * The parts of the Trigger.dev API that are read: lists of runs (filters by status, task and time; cursor pages, newest
 * first), runs, and queues (numbered pages). Every run and queue is checked against the schemas of the official SDK when it is put
 * in, so the server says nothing that the vendor would not.
 */
export class TriggerDevServer extends HostedService {
  readonly runs = new Map<string, TriggerRun>();
  readonly queues: TriggerQueue[] = [];
  /** Lists lag behind: so many of the newest runs are not listed yet. */
  unlisted = 0;
  remaining = 1_499;
  /** How many requests are answered; default: all. */
  quota: RequestQuota | undefined;

  static start(key = 'tr_prod_test'): Promise<TriggerDevServer> {
    return new TriggerDevServer(key).listen();
  }

  putRun(run: TriggerRun): void {
    RetrieveRunResponse.parse(run);
    ListRunResponse.parse({ data: [listItem(run)], pagination: {} });
    this.runs.set(run.id, run);
  }

  changeRun(id: string, change: Partial<TriggerRun>): void {
    const run = this.runs.get(id);
    if (run === undefined) throw new Error(`found no run ${id}`);
    this.putRun({ ...run, ...change });
  }

  putQueue(queue: TriggerQueue): void {
    QueueItem.parse(queue);
    const index = this.queues.findIndex(({ id }) => id === queue.id);
    this.queues.splice(index === -1 ? this.queues.length : index, 1, queue);
  }

  protected override answer({ path, query, headers }: AskedFor): HostedAnswer {
    const window = this.quota?.take();
    const limits = {
      'x-ratelimit-limit': '1500',
      'x-ratelimit-remaining': String(window?.remaining ?? this.remaining),
      'x-ratelimit-reset': String(window?.resetAt ?? Date.now() + 60_000),
    };
    if (headers.authorization !== `Bearer ${this.key}`) {
      return { status: 401, headers: limits, body: { error: 'Invalid or Missing API key' } };
    }
    if (window?.allowed === false) return { status: 429, headers: limits, body: { error: 'Rate limit exceeded' } };
    if (path === '/api/v1/runs') return { headers: limits, body: this.#list(query) };
    if (path === '/api/v1/queues') return { headers: limits, body: this.#queuePage(query) };
    const run = this.runs.get(/^\/api\/v3\/runs\/([^/]+)$/.exec(path)?.[1] ?? '');
    if (run === undefined) return { status: 404, headers: limits, body: { error: 'Not found' } };
    const { env: _env, ...details } = run;
    return { headers: limits, body: details };
  }

  #list(query: URLSearchParams): unknown {
    const words = (name: string) => query.get(`filter[${name}]`)?.split(',');
    const from = Number(query.get('filter[createdAt][from]') ?? 0);
    const statuses = words('status');
    const tasks = words('taskIdentifier');
    const size = Number(query.get('page[size]') ?? 25);
    const listed = [...this.runs.values()]
      .sort((a, b) => (a.createdAt === b.createdAt ? (a.id < b.id ? 1 : -1) : a.createdAt < b.createdAt ? 1 : -1))
      .slice(this.unlisted)
      .filter(
        (run) =>
          Date.parse(run.createdAt) >= from &&
          (statuses === undefined || statuses.includes(run.status)) &&
          (tasks === undefined || tasks.includes(run.taskIdentifier)),
      );
    const after = query.get('page[after]');
    const start = after === null ? 0 : listed.findIndex(({ id }) => id === after) + 1;
    const page = listed.slice(start, start + size);
    const next = start + size < listed.length ? page.at(-1)?.id : undefined;
    return { data: page.map(listItem), pagination: { ...(next !== undefined && { next }) } };
  }

  #queuePage(query: URLSearchParams): unknown {
    const size = Number(query.get('perPage') ?? 25);
    const page = Number(query.get('page') ?? 1);
    return {
      data: this.queues.slice((page - 1) * size, page * size),
      pagination: {
        currentPage: page,
        totalPages: Math.max(1, Math.ceil(this.queues.length / size)),
        count: this.queues.length,
      },
    };
  }
}

function listItem(run: TriggerRun): Record<string, unknown> {
  return Object.fromEntries(Object.entries(run).filter(([field]) => !DETAILS_ONLY.has(field)));
}

const FLAGS: Readonly<Record<string, readonly string[]>> = {
  isQueued: ['PENDING_VERSION', 'QUEUED', 'DELAYED'],
  isExecuting: ['DEQUEUED', 'EXECUTING'],
  isWaiting: ['WAITING'],
  isCompleted: ['COMPLETED', 'CANCELED', 'FAILED', 'CRASHED', 'SYSTEM_FAILURE', 'EXPIRED', 'TIMED_OUT'],
  isSuccess: ['COMPLETED'],
  isFailed: ['FAILED', 'CRASHED', 'SYSTEM_FAILURE', 'EXPIRED', 'TIMED_OUT'],
  isCancelled: ['CANCELED'],
};

/** A run in some state, with the flags that the API derives from its status. */
export function triggerRun(run: Pick<TriggerRun, 'id' | 'status' | 'createdAt'> & Partial<TriggerRun>): TriggerRun {
  const flag = (name: string) => FLAGS[name]?.includes(run.status) ?? false;
  return {
    taskIdentifier: 'codecourier-run',
    version: '20261120.1',
    isQueued: flag('isQueued'),
    isExecuting: flag('isExecuting'),
    isWaiting: flag('isWaiting'),
    isCompleted: flag('isCompleted'),
    isSuccess: flag('isSuccess'),
    isFailed: flag('isFailed'),
    isCancelled: flag('isCancelled'),
    isTest: false,
    updatedAt: run.finishedAt ?? run.startedAt ?? run.createdAt,
    tags: [],
    costInCents: 0,
    baseCostInCents: 0,
    durationMs: 0,
    depth: 0,
    triggerFunction: 'trigger',
    relatedRuns: {},
    attemptCount: run.startedAt === undefined ? 0 : 1,
    env: { id: 'env_1', name: 'prod' },
    ...run,
  };
}
