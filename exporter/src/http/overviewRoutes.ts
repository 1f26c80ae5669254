import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { NO_QUERY, toRecordsQuery } from '../contract/api.ts';
import { budgetOf } from '../contract/budgets.ts';
import type { HealthAnswer } from '../contract/health.ts';
import {
  type AttentionAnswer,
  type AttentionItem,
  type AttentionQuery,
  attentionQuery,
  type SourceState,
  type SourcesAnswer,
  stepBaselinesQuery,
} from '../contract/overview.ts';
import { analyseRuns, FactsNotReady } from '../ledger/analytics/analyseRuns.ts';
import { compareWindows } from '../ledger/analytics/compareWindows.ts';
import type { BudgetPolicy } from '../ledger/budgets/budgetPolicy.ts';
import { isVisible, readBudgets } from '../ledger/budgets/readBudgets.ts';
import { fromNano } from '../ledger/nano.ts';
import { listRecords } from '../ledger/read/listRecords.ts';
import type { VisibleProjects } from '../ledger/read/listRuns.ts';
import { readWaitingRuns } from '../ledger/read/readAttention.ts';
import { readSources } from '../ledger/read/readSources.ts';
import { readStepBaselines } from '../ledger/read/readStepBaselines.ts';
import { notFound, readParams, readQuery, readRoute, sendJson } from './readRequest.ts';

export interface OverviewOptions {
  readonly pool: pg.Pool;
  /** The budgets in force. */
  policy(): BudgetPolicy | undefined;
  /** The sources of the configuration. */
  sources(): readonly { readonly name: string; readonly type: string }[];
  /** Parts of /health whose name begins so. */
  health(prefix: string): Promise<HealthAnswer['parts']>;
}

const SOURCE_PART = 'source ';
const HOUR_MS = 3_600_000;
/** FleetBudgetNearLimit. */
const NEAR_PERCENT = 80n;
const MOST_PROJECTS = 1_000;
const SEVERITIES = ['critical', 'warning', 'ticket'] as const;

/** `GET /api/v1/sources`, `/api/v1/attention` and `/api/v1/runs/{source}/{id}/step-baselines`. */
export function overviewRoutes(app: FastifyInstance, options: OverviewOptions): void {
  const { pool } = options;
  readRoute(app, '/api/v1/sources', async (request, reply) => {
    readQuery(request, NO_QUERY);
    const answer: SourcesAnswer = { data: await describeSources(options, request.principal.projects) };
    return sendJson(reply, answer);
  });

  readRoute(app, '/api/v1/attention', async (request, reply) => {
    const query = readQuery(request, attentionQuery);
    return sendJson(reply, await findAttention(options, query, request.principal.projects));
  });

  readRoute(app, '/api/v1/runs/:source/:id/step-baselines', async (request, reply) => {
    const { source, id } = readParams(request, 'source', 'id');
    const { last } = readQuery(request, stepBaselinesQuery);
    const found = await readStepBaselines(pool, source, id, last, request.principal.projects);
    if (found === undefined) throw notFound(`run ${id} of source ${source}`);
    return sendJson(reply, found);
  });
}

async function describeSources(options: OverviewOptions, visible: VisibleProjects): Promise<SourceState[]> {
  const parts = await options.health(SOURCE_PART);
  const configured = new Map(options.sources().map(({ name, type }) => [name, type]));
  const known = await readSources(options.pool, visible);
  const described = known.map(({ isSilent, ...state }): SourceState => {
    const type = configured.get(state.source);
    const part = parts[`${SOURCE_PART}${state.source}`];
    const { progress, lastEventAt, usualGapSeconds, ...rest } = state;
    return {
      ...rest,
      ...(type === undefined ? {} : { type }),
      ...(progress === undefined ? {} : { progress }),
      ...(lastEventAt === undefined ? {} : { lastEventAt }),
      ...(usualGapSeconds === undefined ? {} : { usualGapSeconds }),
      ...pollingOf(part),
      stale: isSilent || (part !== undefined && part.status !== 'ok'),
    };
  });
  // What never brought anything has no project either.
  const silent =
    visible === undefined ? [...configured].filter(([name]) => !known.some((one) => one.source === name)) : [];
  return [
    ...described,
    ...silent.map(([source, type]): SourceState => {
      const part = parts[`${SOURCE_PART}${source}`];
      const isFailing = part !== undefined && part.status !== 'ok';
      return {
        source,
        type,
        backfilled: false,
        catchingUp: true,
        deadLetters: 0,
        ...pollingOf(part),
        stale: isFailing,
      };
    }),
  ];
}

function pollingOf(part: HealthAnswer['parts'][string] | undefined): Pick<SourceState, 'polling'> {
  if (part === undefined) return {};
  const { status, detail } = part;
  return { polling: { status, ...(detail === undefined ? {} : { detail }) } };
}

/** One after the other: each is short, and the connections are for all readers. */
async function findAttention(
  options: OverviewOptions,
  query: AttentionQuery,
  visible: VisibleProjects,
): Promise<AttentionAnswer> {
  const { pool } = options;
  const toMs = Date.now();
  const fromMs = toMs - query.hours * HOUR_MS;
  const isOfAll = query.project === undefined && query.source === undefined;
  const items = [
    ...(await readWaitingRuns(pool, query, visible)),
    ...(await overdueApprovals(pool, query, visible)),
    ...(await budgetsInNeed(options, query, visible)),
    ...(isOfAll || query.source !== undefined ? await staleSources(options, query, visible) : []),
    ...(await suddenChanges(pool, query, [fromMs, toMs], visible)),
  ];
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    data: items.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity)),
  };
}

const MOST_APPROVALS = 100;

async function overdueApprovals(
  pool: pg.Pool,
  { source, project }: AttentionQuery,
  visible: VisibleProjects,
): Promise<AttentionItem[]> {
  const query = toRecordsQuery({ source, project, state: 'overdue', order: 'oldest', limit: MOST_APPROVALS });
  const { data } = await listRecords(pool, 'approvals', query, visible);
  const since = data[0]?.requestedAt;
  if (data.length === 0) return [];
  return [
    {
      kind: 'approvals_overdue',
      severity: 'warning',
      count: data.length,
      ...(typeof since === 'string' ? { since } : {}),
    },
  ];
}

async function budgetsInNeed(
  { pool, policy }: OverviewOptions,
  { project, source }: AttentionQuery,
  visible: VisibleProjects,
): Promise<AttentionItem[]> {
  if (source !== undefined) return [];
  const { states } = await readBudgets(pool, policy());
  return states
    .filter((state) => isVisible(state, visible) && (project === undefined || isVisible(state, project)))
    .flatMap(({ scope, subject, spent = 0n, cap, pause }): AttentionItem[] => {
      const of = { budget: budgetOf(scope), subject, now: usd(spent), limit: usd(cap) };
      if (pause?.isPaused)
        return [{ kind: 'budget_paused', severity: 'warning', ...of, since: pause.since.toISOString() }];
      if (spent >= cap) return [{ kind: 'budget_exceeded', severity: 'critical', ...of }];
      return spent * 100n >= cap * NEAR_PERCENT ? [{ kind: 'budget_near', severity: 'warning', ...of }] : [];
    });
}

const usd = (nano: bigint) => fromNano(nano.toString());

async function staleSources(
  options: OverviewOptions,
  { source }: AttentionQuery,
  visible: VisibleProjects,
): Promise<AttentionItem[]> {
  const states = await describeSources(options, visible);
  return states
    .filter((state) => state.stale && (source === undefined || source.includes(state.source)))
    .map(({ source: name, lastEventAt, polling, way }) => ({
      kind: 'source_stale',
      severity: way === 'push' ? 'ticket' : 'critical',
      source: name,
      ...(lastEventAt === undefined ? {} : { since: lastEventAt }),
      ...(polling?.detail === undefined ? {} : { detail: polling.detail }),
    }));
}

/** Project by project, against the window of the same length before. */
async function suddenChanges(
  pool: pg.Pool,
  { project, source }: AttentionQuery,
  [fromMs, toMs]: readonly [number, number],
  visible: VisibleProjects,
): Promise<AttentionItem[]> {
  const ask = (from: number, to: number) =>
    analyseRuns(
      pool,
      {
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
        by: ['project'],
        project,
        source,
        limit: MOST_PROJECTS,
      },
      visible,
    );
  try {
    const now = await ask(fromMs, toMs);
    const before = await ask(2 * fromMs - toMs, fromMs);
    return before.data.flatMap((group) =>
      compareWindows(
        group.project,
        now.data.find((other) => other.project === group.project),
        group,
      ),
    );
  } catch (error) {
    // What else needs attention is told all the same.
    if (error instanceof FactsNotReady) return [];
    throw error;
  }
}
