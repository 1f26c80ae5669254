import type pg from 'pg';
import {
  type BudgetedSubject,
  type BudgetReviewAnswer,
  type BudgetReviewQuery,
  REVIEWED_SESSIONS,
  type ReviewAnswer,
  type ReviewedSession,
  type ReviewQuery,
  UNUSED_DAYS,
} from '../../contract/analytics.ts';
import { type BudgetScope, WORKSPACE } from '../../contract/budgets.ts';
import { ERROR_CATEGORIES, type RunRecord } from '../../contract/records.ts';
import { FINISHED_STATUSES } from '../../contract/status.ts';
import type { BudgetPolicy } from '../budgets/budgetPolicy.ts';
import { dayStart, localDay } from '../budgets/localDay.ts';
import { fromNano } from '../nano.ts';
import { projectsOf, type VisibleProjects } from '../read/listRuns.ts';
import { BadAnalyticsQuery, isoSpan, withFacts } from './analyseRuns.ts';
import type { Span } from './coverWindow.ts';
import { describeFigures } from './describeFigures.ts';
import { addDays, daySpans, lastWeek, mondayOfWeek } from './isoWeek.ts';
import { WHOLE_MASK } from './measures.ts';
import { type FiguresRow, noFigures, readFigures } from './readFigures.ts';

const DAY_MS = 86_400_000;

interface Week {
  readonly week: string;
  readonly timeZone: string;
  /** Its days, milliseconds. */
  readonly days: readonly Span[];
  readonly span: Span;
}

/** @throws BadAnalyticsQuery where the year has no such week. */
function weekSpan(week: string | undefined, timeZone: string): Week {
  const name = week ?? lastWeek(Date.now(), timeZone);
  const monday = mondayOfWeek(name);
  if (monday === undefined) throw new BadAnalyticsQuery(`week: found ${name}, expected a week that the year has`);
  const days = daySpans(monday, 7, timeZone);
  return { week: name, timeZone, days, span: [dayStart(monday, timeZone), dayStart(addDays(monday, 7), timeZone)] };
}

interface Use {
  readonly source: string;
  readonly project: string;
  readonly persona: string;
  readonly lastUsedMs: number | undefined;
  readonly isArchived: boolean;
}

// $1 projects: null for all.
const USES = `select source, project, persona, max(used_ms)::float8 as used_ms, coalesce(bool_or(archived), false) as archived from (
    select d.source, d.project, d.persona, null::boolean as archived,
      (select max(f.used_ms) from fleetlens.run_fact f where f.dim = d.id and f.used_ms is not null) as used_ms
    from fleetlens.run_dim d where d.mask = ${WHOLE_MASK}
    union all
    select source, coalesce(doc ->> 'project', ''), doc ->> 'persona', doc ? 'archivedAt',
      (extract(epoch from (doc ->> 'lastUsedAt')::timestamptz) * 1000)::bigint
    from fleetlens.persona) u
  where persona <> '' and ($1::text[] is null or project = any($1)) group by 1, 2, 3 order by 3, 1, 2`;

/**
 * Of each persona and outcome the first few by lot. $1 $2 window, $3 projects, $4 what the lot of this week begins with, $5 how many;
 * $6 personas, $7 their outcomes, $8 which lot is too high to be among the first: it is left out before the others are sorted
 */
const LOTS = `with bounds as materialized (
    select d.id, d.persona, w.status, w.highest from unnest($6::text[], $7::text[], $8::bigint[]) as w(persona, status, highest)
      join fleetlens.run_dim d on d.persona = w.persona and d.mask = ${WHOLE_MASK} and ($3::text[] is null or d.project = any($3)))
  select source, key, persona, status, at_ms::float8 as at_ms, cost, lot from (
    select f.source, f.key, b.persona, o.status, f.at_ms, f.cost, l.lot,
      row_number() over (partition by b.persona, o.status order by l.lot, f.source, f.key) as place
    from fleetlens.run_fact f
    cross join lateral (select case when f.succeeded = 1 then 'succeeded' when f.failed = 1 then 'failed'
      when f.timed_out = 1 then 'timed_out' else 'cancelled' end as status) o
    join bounds b on b.id = f.dim and b.status = o.status
    cross join lateral (select hashtextextended(f.source || E'\\x1f' || f.key, $4) as lot) l
    where f.at_ms >= $1 and f.at_ms < $2 and f.part = 0 and f.runs = 1 and l.lot <= b.highest) s
  where place <= $5 order by place, status, lot, source, key`;

interface Lot {
  readonly source: string;
  readonly key: string;
  readonly persona: string;
  readonly status: (typeof FINISHED_STATUSES)[number];
  readonly at_ms: number;
  readonly cost: number | null;
}

/** Every persona with its figures of the week, when it was used last, and sessions of it to look at. */
export async function reviewPersonas(
  pool: pg.Pool,
  query: ReviewQuery,
  visible: VisibleProjects,
  externalUrl: string | undefined,
): Promise<ReviewAnswer> {
  const { week, timeZone, span } = weekSpan(query.week, query.time_zone);
  const projects = projectsOf(query.project, visible);
  const unusedBefore = span[1] - UNUSED_DAYS * DAY_MS;
  return await withFacts(pool, async (client, asOf) => {
    const rows = await readFigures(client, {
      windows: [span],
      by: ['persona'],
      filters: { project: query.project },
      visible,
    });
    const figuresOf = new Map(rows.map((row) => [row.group.persona ?? '', row]));
    const uses = Map.groupBy(await readUses(client, projects), (use) => use.persona);
    const sessions = Map.groupBy(await drawSessions(client, week, span, projects, rows), (lot) => lot.persona);
    const docs = await readDocs(client, [...sessions.values()].flat());
    const names = [...new Set([...uses.keys(), ...figuresOf.keys()])].filter((name) => name !== '').sort();
    return {
      week,
      timeZone,
      ...isoSpan(span),
      asOf,
      data: names.map((persona) => {
        const places = uses.get(persona) ?? [];
        const lastUsedMs = places.reduce((last, use) => Math.max(last, use.lastUsedMs ?? 0), 0);
        const isUnused = (use: Use) => !use.isArchived && (use.lastUsedMs ?? 0) < unusedBefore;
        return {
          persona,
          ...lastUsed(lastUsedMs || undefined),
          unused: places.some(isUnused) && lastUsedMs < unusedBefore,
          uses: places.map((use) => ({
            source: use.source,
            ...(use.project === '' ? {} : { project: use.project }),
            ...lastUsed(use.lastUsedMs),
            unused: isUnused(use),
          })),
          ...describeFigures(figuresOf.get(persona) ?? noFigures(0)),
          sessions: (sessions.get(persona) ?? []).map((lot) =>
            describeSession(lot, docs.get(`${lot.source}\0${lot.key}`), externalUrl),
          ),
        };
      }),
    };
  });
}

function lastUsed(ms: number | undefined): { lastUsedAt?: string } {
  return ms === undefined ? {} : { lastUsedAt: new Date(ms).toISOString() };
}

async function readUses(client: pg.ClientBase, projects: readonly string[] | null): Promise<Use[]> {
  const { rows } = await client.query<{
    source: string;
    project: string;
    persona: string;
    used_ms: number | null;
    archived: boolean;
  }>(USES, [projects]);
  return rows.map((row) => ({
    source: row.source,
    project: row.project,
    persona: row.persona,
    lastUsedMs: row.used_ms ?? undefined,
    isArchived: row.archived,
  }));
}

/** So many of an outcome are expected to be looked at: that fewer than are drawn come, by chance, is left to nothing. */
const CANDIDATES = 64;
const HIGHEST_LOT = 2n ** 63n - 1n;

/**
 * Draws for each persona from every outcome in turn, until there are enough.
 * @param figures of the week by persona
 */
async function drawSessions(
  client: pg.ClientBase,
  week: string,
  [from, to]: Span,
  projects: readonly string[] | null,
  figures: readonly FiguresRow[],
): Promise<Lot[]> {
  const seed = Number(week.replace('-W', ''));
  const outcomes = figures.flatMap((row) =>
    FINISHED_STATUSES.map((status) => ({ persona: row.group.persona ?? '', status, runs: row[status] })),
  );
  const drawable = outcomes.filter(({ persona, runs }) => persona !== '' && runs > 0);
  const draw = async (highest: (runs: number) => bigint) => {
    const { rows } = await client.query<Lot>(LOTS, [
      ...[from, to, projects, seed, REVIEWED_SESSIONS],
      drawable.map(({ persona }) => persona),
      drawable.map(({ status }) => status),
      drawable.map(({ runs }) => highest(runs).toString()),
    ]);
    return rows;
  };
  let rows = await draw((runs) =>
    runs <= CANDIDATES ? HIGHEST_LOT : BigInt(Math.floor((CANDIDATES / runs) * 2 ** 32)) * 2n ** 32n - 2n ** 63n,
  );
  const expected = drawable.reduce((sum, { runs }) => sum + Math.min(runs, REVIEWED_SESSIONS), 0);
  // Figures may know of runs that retention took.
  if (rows.length < expected) rows = await draw(() => HIGHEST_LOT);
  return [...Map.groupBy(rows, (lot) => lot.persona).values()].flatMap((lots) => lots.slice(0, REVIEWED_SESSIONS));
}

async function readDocs(client: pg.ClientBase, lots: readonly Lot[]): Promise<Map<string, RunRecord>> {
  const { rows } = await client.query<{ source: string; key: string; doc: RunRecord }>(
    `select r.source, r.key, r.doc - '{prompt,referenceImages}'::text[] as doc from fleetlens.run r
      join unnest($1::text[], $2::text[]) as w(source, key) on r.source = w.source and r.key = w.key`,
    [lots.map((lot) => lot.source), lots.map((lot) => lot.key)],
  );
  return new Map(rows.map((row) => [`${row.source}\0${row.key}`, row.doc]));
}

function describeSession(lot: Lot, doc: RunRecord | undefined, externalUrl: string | undefined): ReviewedSession {
  const own =
    externalUrl === undefined
      ? undefined
      : new URL(
          `api/v1/runs/${encodeURIComponent(lot.source)}/${encodeURIComponent(lot.key)}`,
          externalUrl.endsWith('/') ? externalUrl : `${externalUrl}/`,
        ).href;
  const session: { [K in keyof ReviewedSession]: ReviewedSession[K] | undefined } = {
    source: lot.source,
    runId: lot.key,
    project: doc?.project,
    workflow: doc?.workflow,
    name: doc?.name ?? doc?.promptPreview,
    status: lot.status,
    endedAt: new Date(lot.at_ms).toISOString(),
    costUsd: lot.cost === null ? undefined : fromNano(lot.cost),
    quality: doc?.quality?.composite,
    errorCategory: ERROR_CATEGORIES.find((category) => category === doc?.error?.category),
    pullRequestUrl: doc?.pullRequest?.url,
    url: doc?.links?.source ?? own,
  };
  return Object.fromEntries(Object.entries(session).filter(([, value]) => value !== undefined)) as ReviewedSession;
}

// $1 $2 window, $3 projects, $4 the cap, null for none
const RUNS_OF_PERSONAS = `select d.persona, count(*)::int as runs, max(f.cost) as highest, count(*) filter (where f.cost >= $4::float8)::int as reached
  from fleetlens.run_fact f join fleetlens.run_dim d on d.id = f.dim
  where f.at_ms >= $1 and f.at_ms < $2 and f.part = 0 and f.costed = 1 and ($3::text[] is null or d.project = any($3)) group by 1`;

/** What was spent in the week by repository and persona, and of the workspace, against the caps that are configured. */
export async function reviewBudgets(
  pool: pg.Pool,
  query: BudgetReviewQuery,
  visible: VisibleProjects,
  policy: BudgetPolicy | undefined,
): Promise<BudgetReviewAnswer> {
  const { week, timeZone, days, span } = weekSpan(query.week, policy?.timeZone ?? 'UTC');
  const projects = projectsOf(query.project, visible);
  const capOf = (scope: BudgetScope) => {
    const cap = policy?.limits.get(scope);
    // A limit of 0 means no budget.
    return cap === undefined || cap === 0n ? undefined : cap;
  };
  const capUsd = (scope: BudgetScope) => {
    const cap = capOf(scope);
    return cap === undefined ? {} : { capUsd: fromNano(cap.toString()) };
  };
  return await withFacts(pool, async (client, asOf) => {
    const of = { filters: { project: query.project }, visible, measures: ['spent'] as const };
    const data: BudgetedSubject[] = [];
    if (projects === null)
      data.push({ ...(await reviewWorkspace(client, span, timeZone)), ...capUsd('workspace_monthly') });

    const byDay = await readFigures(client, { windows: days, by: ['project'], ...of });
    const dayCap = Number(capOf('repo_daily') ?? Number.POSITIVE_INFINITY);
    for (const [subject, rows] of spentBy(byDay, 'project')) {
      data.push({
        scope: 'repo_daily',
        subject,
        spentUsd: fromNano(total(rows)),
        ...capUsd('repo_daily'),
        windows: rows.length,
        highestUsd: fromNano(Math.max(...rows.map((row) => row.spent))),
        ...(capOf('repo_daily') === undefined ? {} : { reached: rows.filter((row) => row.spent >= dayCap).length }),
      });
    }

    const runCap = capOf('persona_run');
    const { rows: runs } = await client.query<{ persona: string; runs: number; highest: number; reached: number }>(
      RUNS_OF_PERSONAS,
      [...span, projects, runCap?.toString() ?? null],
    );
    const runsOf = new Map(runs.map((row) => [row.persona, row]));
    const spent = new Map(spentBy(await readFigures(client, { windows: [span], by: ['persona'], ...of }), 'persona'));
    for (const subject of new Set([...spent.keys(), ...runsOf.keys()])) {
      const ended = runsOf.get(subject);
      data.push({
        scope: 'persona_run',
        subject,
        spentUsd: fromNano(total(spent.get(subject) ?? [])),
        ...capUsd('persona_run'),
        windows: ended?.runs ?? 0,
        ...(ended === undefined ? {} : { highestUsd: fromNano(ended.highest) }),
        ...(runCap === undefined ? {} : { reached: ended?.reached ?? 0 }),
      });
    }
    const place = ['workspace_monthly', 'repo_daily', 'persona_run'];
    data.sort(
      (a, b) =>
        place.indexOf(a.scope) - place.indexOf(b.scope) || b.spentUsd - a.spentUsd || (a.subject < b.subject ? -1 : 1),
    );
    return { week, timeZone, ...isoSpan(span), asOf, data };
  });
}

const total = (rows: readonly FiguresRow[]) => rows.reduce((sum, row) => sum + row.spent, 0);

function spentBy(rows: readonly FiguresRow[], dimension: 'project' | 'persona'): Iterable<[string, FiguresRow[]]> {
  return Map.groupBy(
    rows.filter((row) => row.spent > 0),
    (row) => row.group[dimension] ?? '',
  );
}

/** The month is that of the last day of the week. */
async function reviewWorkspace(client: pg.ClientBase, week: Span, timeZone: string): Promise<BudgetedSubject> {
  const month = localDay(week[1] - 1, timeZone).slice(0, 7);
  const of = { by: [], filters: {}, visible: undefined, measures: ['spent'] as const };
  const inWeek = await readFigures(client, { windows: [week], ...of });
  const inMonth = await readFigures(client, { windows: [[dayStart(`${month}-01`, timeZone), week[1]]], ...of });
  return {
    scope: 'workspace_monthly',
    subject: WORKSPACE,
    spentUsd: fromNano(total(inWeek)),
    windows: 1,
    highestUsd: fromNano(total(inMonth)),
  };
}
