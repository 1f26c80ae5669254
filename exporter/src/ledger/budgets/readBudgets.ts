import type pg from 'pg';
import type { BudgetScope } from '../../contract/budgets.ts';
import { readSnapshot } from '../read/readSnapshot.ts';
import type { BudgetPolicy } from './budgetPolicy.ts';
import type { CalendarWindow } from './calendarWindow.ts';
import { IS_PAUSED } from './isPaused.ts';
import { capOf } from './reachedLimits.ts';
import { SLOT_MS, slotAt } from './slot.ts';
import { openWindows } from './spentMoves.ts';

/** A budget and how it stands now; money in units of 1e-9 USD. */
export interface BudgetState {
  readonly scope: BudgetScope;
  readonly subject: string;
  readonly configured: bigint;
  readonly raised: bigint | undefined;
  /** The limit in force. */
  readonly cap: bigint;
  /** Of a persona without an open run that costs anything: undefined. */
  readonly spent: bigint | undefined;
  readonly window: CalendarWindow | undefined;
  readonly run: { readonly source: string; readonly runId: string } | undefined;
  /** The latest one, if there ever was one. */
  readonly pause: PauseState | undefined;
  readonly rate: SpendingRate | undefined;
}

export interface PauseState {
  readonly isPaused: boolean;
  readonly since: Date;
  readonly until: Date | undefined;
  readonly acknowledgedAt: Date | undefined;
  readonly acknowledgedBy: string | undefined;
  readonly reason: string | undefined;
  readonly run: BudgetState['run'];
}

export interface SpendingRate {
  /** Units of 1e-9 USD in `hours`. */
  readonly nano: bigint;
  readonly hours: number;
}

export interface BudgetStates {
  readonly nowMs: number;
  readonly states: readonly BudgetState[];
}

const HOUR_SLOTS = 3_600_000 / SLOT_MS;
const DAY_SLOTS = 24 * HOUR_SLOTS;
/** A repository that spent nothing for so long is no longer shown, as label sets of other families are not. */
const SHOWN_SLOTS = 30 * DAY_SLOTS;
/** What "the present rate" is taken from: long enough for nights and weekends of a month, short enough for a day. */
const RATE_SLOTS = { workspace_monthly: 7 * DAY_SLOTS, repo_daily: 6 * HOUR_SLOTS } as const;

/**
 * Reads how every budget stands, at one moment of the ledger and by its clock, so that replicas agree. Reads sums, a row for each
 * budget and for each open run that costs something; never records.
 * @param options.rates also how fast they are spent
 */
export async function readBudgets(
  pool: pg.Pool,
  policy: BudgetPolicy | undefined,
  options: { readonly rates?: boolean } = {},
): Promise<BudgetStates> {
  if (policy === undefined || policy.limits.size === 0) return { nowMs: Date.now(), states: [] };
  return await readSnapshot(pool, async (client) => {
    const nowMs = await readClock(client);
    const pauses = await readPauses(client);
    const states = [
      ...(await readWindows(client, policy, nowMs, pauses, options.rates === true)),
      ...(await readPersonas(client, policy, pauses)),
    ];
    return { nowMs, states };
  });
}

async function readClock(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now');
  return (rows[0] as { now: Date }).now.getTime();
}

type Pauses = ReadonlyMap<string, PauseState>;

const keyOf = (scope: string, subject: string) => `${scope}\0${subject}`;

async function readPauses(client: pg.ClientBase): Promise<Pauses> {
  const { rows } = await client.query<{
    scope: string;
    subject: string;
    is_paused: boolean;
    paused_at: Date;
    until: Date | null;
    acknowledged_at: Date | null;
    acknowledged_by: string | null;
    reason: string | null;
    run_source: string | null;
    run_id: string | null;
  }>(
    `select distinct on (p.scope, p.subject) p.scope, p.subject, ${IS_PAUSED} as is_paused, p.paused_at, p.until, p.acknowledged_at,
        p.acknowledged_by, p.reason, p.run_source, p.run_id
      from fleetlens.budget_pause p order by p.scope, p.subject, p.id desc`,
  );
  return new Map(
    rows.map((row) => [
      keyOf(row.scope, row.subject),
      {
        isPaused: row.is_paused,
        since: row.paused_at,
        until: row.until ?? undefined,
        acknowledgedAt: row.acknowledged_at ?? undefined,
        acknowledgedBy: row.acknowledged_by ?? undefined,
        reason: row.reason ?? undefined,
        run: row.run_source === null || row.run_id === null ? undefined : { source: row.run_source, runId: row.run_id },
      },
    ]),
  );
}

function pausedSubjects(pauses: Pauses, scope: BudgetScope): string[] {
  return [...pauses].flatMap(([key, { isPaused }]) => {
    const [of, subject] = key.split('\0');
    return isPaused && of === scope && subject !== undefined ? [subject] : [];
  });
}

async function readWindows(
  client: pg.ClientBase,
  policy: BudgetPolicy,
  nowMs: number,
  pauses: Pauses,
  withRates: boolean,
): Promise<BudgetState[]> {
  const known = await client.query<{ subject: string }>(
    "select distinct subject from fleetlens.budget_window where scope = 'repo_daily' and ends > $1",
    [slotAt(nowMs) - SHOWN_SLOTS],
  );
  const subjects = new Set([...known.rows.map((row) => row.subject), ...pausedSubjects(pauses, 'repo_daily')]);
  const keys = openWindows(policy, nowMs, [...subjects].sort());
  const { rows } = await client.query<{
    spent: string;
    raised: string | null;
    rate: string | null;
    first_slot: number | null;
  }>(
    // A window in which nothing was spent yet has no row; what was told of it ahead of time is in its quarters.
    `select coalesce(w.spent, (select sum(s.nano) from fleetlens.spent_slot s where s.slot >= k.starts and s.slot < k.ends
          and (k.scope = 'workspace_monthly' or s.project = k.subject)), 0) as spent, w.raised,
        case when $5 then (select sum(s.nano) from fleetlens.spent_slot s where s.slot > $6 - k.lookback and s.slot <= $6
          and (k.scope = 'workspace_monthly' or s.project = k.subject)) end as rate,
        case when $5 then (select min(s.slot) from fleetlens.spent_slot s
          where k.scope = 'workspace_monthly' or s.project = k.subject) end as first_slot
      from unnest($1::text[], $2::text[], $3::int[], $4::int[], $7::int[]) with ordinality as k(scope, subject, starts, ends, lookback, n)
        left join fleetlens.budget_window w using (scope, subject, starts, ends)
      order by k.n`,
    [
      keys.map((k) => k.scope),
      keys.map((k) => k.subject),
      keys.map((k) => k.starts),
      keys.map((k) => k.ends),
      withRates,
      slotAt(nowMs),
      keys.map((k) => RATE_SLOTS[k.scope]),
    ],
  );
  return keys.map(({ scope, subject, starts, ends }, i) => {
    const row = rows[i];
    const configured = policy.limits.get(scope) ?? 0n;
    const raised = row?.raised == null ? undefined : BigInt(row.raised);
    return {
      scope,
      subject,
      configured,
      raised,
      cap: capOf(configured, raised),
      spent: BigInt(row?.spent ?? 0),
      window: { starts, ends },
      run: undefined,
      pause: pauses.get(keyOf(scope, subject)),
      rate: rateOf(row?.rate ?? '0', row?.first_slot ?? undefined, RATE_SLOTS[scope], nowMs),
    };
  });
}

/** @returns undefined while there is not an hour to tell it by. */
function rateOf(
  nano: string,
  firstSlot: number | undefined,
  lookback: number,
  nowMs: number,
): SpendingRate | undefined {
  if (firstSlot === undefined) return undefined;
  const from = Math.max(firstSlot, slotAt(nowMs) - lookback + 1);
  const hours = (nowMs - from * SLOT_MS) / 3_600_000;
  return hours < 1 ? undefined : { nano: BigInt(nano), hours };
}

async function readPersonas(client: pg.ClientBase, policy: BudgetPolicy, pauses: Pauses): Promise<BudgetState[]> {
  const configured = policy.limits.get('persona_run');
  if (configured === undefined) return [];
  const { rows } = await client.query<{
    persona: string;
    source: string;
    run_id: string;
    spent: string;
    raised: string | null;
  }>(
    `select distinct on (persona) persona, source, run_id, spent, raised from fleetlens.budget_run
      where is_open and persona <> '' order by persona, spent desc, source, run_id`,
  );
  const dearest = new Map(rows.map((row) => [row.persona, row]));
  const subjects = new Set([...dearest.keys(), ...pausedSubjects(pauses, 'persona_run')]);
  return [...subjects].sort().map((subject) => {
    const row = dearest.get(subject);
    const pause = pauses.get(keyOf('persona_run', subject));
    const raised = row?.raised == null ? undefined : BigInt(row.raised);
    const open = row && { source: row.source, runId: row.run_id };
    return {
      scope: 'persona_run',
      subject,
      configured,
      raised,
      cap: capOf(configured, raised),
      spent: row && BigInt(row.spent),
      window: undefined,
      run: (pause?.isPaused === true ? pause.run : undefined) ?? open,
      pause,
      rate: undefined,
    };
  });
}

/** @returns whether a reader who sees these projects alone may see the budget: what all projects spend is not theirs to know. */
export function isVisible({ scope, subject }: BudgetState, projects: readonly string[] | undefined): boolean {
  return projects === undefined || (scope === 'repo_daily' && projects.includes(subject));
}
