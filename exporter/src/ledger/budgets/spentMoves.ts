import type { ClientBase } from 'pg';
import { WORKSPACE } from '../../contract/budgets.ts';
import { OPEN_STATUSES } from '../../contract/status.ts';
import { allStatements } from '../allStatements.ts';
import { int4Array, textArray } from '../binaryArrays.ts';
import { toNano } from '../nano.ts';
import type { Spent } from '../observe/recordView.ts';
import type { BudgetPolicy } from './budgetPolicy.ts';
import { windowAt } from './calendarWindow.ts';
import type { SpentNow } from './reachedLimits.ts';
import { SLOT_MS } from './slot.ts';

interface SlotMove {
  readonly slot: number;
  readonly project: string;
  nano: bigint;
}

interface RunMove {
  readonly source: string;
  readonly runId: string;
  persona: string;
  slot: number;
  nano: bigint;
}

interface RunKey {
  readonly source: string;
  readonly key: string;
}

interface WindowRow {
  readonly scope: 'workspace_monthly' | 'repo_daily';
  readonly subject: string;
  readonly starts: number;
  readonly ends: number;
  readonly spent: string;
  readonly raised: string | null;
  readonly noticed: string | null;
}

interface RunRow {
  readonly source: string;
  readonly run_id: string;
  readonly persona: string;
  readonly last_slot: number;
  readonly spent: string;
  readonly raised: string | null;
  readonly noticed: string | null;
}

/** Money of a run that was spent longer ago is history: it neither pauses nor tells anybody. */
const RUN_WINDOW_SLOTS = (24 * 3_600_000) / SLOT_MS;

/** What one transaction spends, by quarter of an hour and project, and by run; written at its end. */
export class SpentMoves {
  readonly #slots = new Map<string, SlotMove>();
  readonly #runs = new Map<string, RunMove>();

  /** @param usd what the fact counted */
  add(source: string, { slot, project, persona, runId }: Spent, usd: number): void {
    const nano = toNano(usd);
    const slotKey = `${slot}\0${project}`;
    const ofSlot = this.#slots.get(slotKey);
    if (ofSlot === undefined) this.#slots.set(slotKey, { slot, project, nano });
    else ofSlot.nano += nano;
    if (runId === '') return;
    const runKey = `${source}\0${runId}`;
    const ofRun = this.#runs.get(runKey);
    if (ofRun === undefined) this.#runs.set(runKey, { source, runId, persona, slot, nano });
    else {
      ofRun.nano += nano;
      ofRun.slot = Math.max(ofRun.slot, slot);
      if (ofRun.persona === '') ofRun.persona = persona;
    }
  }

  get isEmpty(): boolean {
    return this.#slots.size === 0;
  }

  /**
   * Adds it to the ledger. The changed runs have to be written before, on the same connection. All statements are issued before
   * it returns.
   * @param changed runs that the transaction wrote: their persona or state may be news to their budget
   * @returns what the budgets have spent now, where the transaction moved it: open windows, and runs whose last money is of the
   *   last day.
   */
  async write(
    client: ClientBase,
    { policy, changed, nowMs }: { policy: BudgetPolicy | undefined; changed: readonly RunKey[]; nowMs: number },
  ): Promise<readonly SpentNow[]> {
    const [, , windows, spending, others] = await allStatements([
      this.#addToSlots(client),
      this.#addToWindows(client),
      policy === undefined ? [] : readOpenWindows(client, this.#openWindows(policy, nowMs)),
      this.#addToRuns(client),
      this.#tellRuns(client, changed),
    ]);
    const oldest = Math.floor(nowMs / SLOT_MS) - RUN_WINDOW_SLOTS;
    return [
      ...windows,
      ...[...spending, ...others].filter((run) => run.persona !== '' && run.last_slot >= oldest).map(readRun),
    ];
  }

  /** The windows that are open now and that this money is of. */
  #openWindows(policy: BudgetPolicy, nowMs: number): WindowKey[] {
    const projects = new Set([...this.#slots.values()].map((move) => move.project));
    return projects.size === 0 ? [] : openWindows(policy, nowMs, projects);
  }

  async #addToSlots(client: ClientBase): Promise<void> {
    if (this.isEmpty) return;
    const moves = [...this.#slots.values()];
    await client.query({
      name: 'spent_slot_add',
      text: `insert into fleetlens.spent_slot as s (slot, project, nano)
        select d.slot, d.project, d.nano::numeric from fleetlens.head h
          join unnest($1::int[], $2::text[], $3::text[]) as d(slot, project, nano) on d.slot >= h.spent_from
        on conflict (slot, project) do update set nano = s.nano + excluded.nano`,
      values: [
        int4Array(moves.map((m) => m.slot)),
        textArray(moves.map((m) => m.project)),
        textArray(moves.map((m) => m.nano.toString())),
      ],
    });
  }

  /** Windows that are there already, closed ones too; those that are not yet are summed up when they are first needed. */
  async #addToWindows(client: ClientBase): Promise<void> {
    if (this.isEmpty) return;
    const moves = [...this.#slots.values()].flatMap(({ slot, project, nano }) => [
      { scope: 'workspace_monthly', subject: WORKSPACE, slot, nano },
      ...(project === '' ? [] : [{ scope: 'repo_daily', subject: project, slot, nano }]),
    ]);
    await client.query({
      name: 'budget_window_add',
      text: `with moved as (
          select w.scope, w.subject, w.starts, w.ends, sum(d.nano::numeric) as nano
          from unnest($1::text[], $2::text[], $3::int[], $4::text[]) as d(scope, subject, slot, nano)
            join fleetlens.budget_window w on w.scope = d.scope and w.subject = d.subject and w.starts <= d.slot and d.slot < w.ends
          group by 1, 2, 3, 4)
        update fleetlens.budget_window w set spent = w.spent + m.nano from moved m
        where w.scope = m.scope and w.subject = m.subject and w.starts = m.starts and w.ends = m.ends`,
      values: [
        textArray(moves.map((m) => m.scope)),
        textArray(moves.map((m) => m.subject)),
        int4Array(moves.map((m) => m.slot)),
        textArray(moves.map((m) => m.nano.toString())),
      ],
    });
  }

  async #addToRuns(client: ClientBase): Promise<RunRow[]> {
    if (this.#runs.size === 0) return [];
    const moves = [...this.#runs.values()];
    const { rows } = await client.query<RunRow>({
      name: 'budget_run_add',
      // The persona is the run's own where the run is known, else what its usage says.
      text: `insert into fleetlens.budget_run as b (source, run_id, persona, is_open, spent, last_slot)
        select d.source, d.run_id, coalesce(r.persona, d.persona), coalesce(r.status = any($6), false), d.nano::numeric, d.slot
        from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[]) as d(source, run_id, persona, slot, nano)
          left join fleetlens.run r on r.source = d.source and r.key = d.run_id
        on conflict (source, run_id) do update set
          spent = b.spent + excluded.spent,
          last_slot = greatest(b.last_slot, excluded.last_slot),
          persona = coalesce(nullif(excluded.persona, ''), b.persona),
          is_open = excluded.is_open
        returning source, run_id, persona, last_slot, spent, raised, noticed`,
      values: [
        textArray(moves.map((m) => m.source)),
        textArray(moves.map((m) => m.runId)),
        textArray(moves.map((m) => m.persona)),
        int4Array(moves.map((m) => m.slot)),
        textArray(moves.map((m) => m.nano.toString())),
        OPEN_STATUSES,
      ],
    });
    return rows;
  }

  async #tellRuns(client: ClientBase, changed: readonly RunKey[]): Promise<RunRow[]> {
    const others = changed.filter(({ source, key }) => !this.#runs.has(`${source}\0${key}`));
    if (others.length === 0) return [];
    const { rows } = await client.query<RunRow>({
      name: 'budget_run_tell',
      text: `update fleetlens.budget_run b set persona = coalesce(r.persona, b.persona), is_open = coalesce(r.status = any($3), false)
        from unnest($1::text[], $2::text[]) as d(source, key) join fleetlens.run r on r.source = d.source and r.key = d.key
        where b.source = d.source and b.run_id = d.key
          and (b.persona is distinct from coalesce(r.persona, b.persona) or b.is_open is distinct from coalesce(r.status = any($3), false))
        returning b.source, b.run_id, b.persona, b.last_slot, b.spent, b.raised, b.noticed`,
      values: [textArray(others.map((r) => r.source)), textArray(others.map((r) => r.key)), OPEN_STATUSES],
    });
    return rows;
  }
}

export interface WindowKey {
  readonly scope: 'workspace_monthly' | 'repo_daily';
  readonly subject: string;
  readonly starts: number;
  readonly ends: number;
}

/** @returns the windows that are open now, of the budgets that are set. */
export function openWindows(policy: BudgetPolicy, nowMs: number, projects: Iterable<string>): WindowKey[] {
  const { limits, timeZone } = policy;
  const keys: WindowKey[] = [];
  if (limits.has('workspace_monthly')) {
    keys.push({ scope: 'workspace_monthly', subject: WORKSPACE, ...windowAt('month', nowMs, timeZone) });
  }
  if (limits.has('repo_daily')) {
    const day = windowAt('day', nowMs, timeZone);
    for (const subject of projects) if (subject !== '') keys.push({ scope: 'repo_daily', subject, ...day });
  }
  return keys;
}

/** Makes the windows that are not there yet, from their quarters, and reads all of them. */
export async function readOpenWindows(client: ClientBase, keys: readonly WindowKey[]): Promise<SpentNow[]> {
  if (keys.length === 0) return [];
  const values = [
    textArray(keys.map((k) => k.scope)),
    textArray(keys.map((k) => k.subject)),
    int4Array(keys.map((k) => k.starts)),
    int4Array(keys.map((k) => k.ends)),
  ];
  const [, { rows }] = await allStatements([
    client.query({
      name: 'budget_window_open',
      text: `insert into fleetlens.budget_window (scope, subject, starts, ends, spent)
        select k.scope, k.subject, k.starts, k.ends, coalesce((
          select sum(s.nano) from fleetlens.spent_slot s where s.slot >= k.starts and s.slot < k.ends
            and (k.scope = 'workspace_monthly' or s.project = k.subject)), 0)
        from unnest($1::text[], $2::text[], $3::int[], $4::int[]) as k(scope, subject, starts, ends)
        where not exists (select from fleetlens.budget_window w
          where w.scope = k.scope and w.subject = k.subject and w.starts = k.starts and w.ends = k.ends)`,
      values,
    }),
    client.query<WindowRow>({
      name: 'budget_window_read',
      text: `select w.scope, w.subject, w.starts, w.ends, w.spent, w.raised, w.noticed
        from unnest($1::text[], $2::text[], $3::int[], $4::int[]) as k(scope, subject, starts, ends)
          join fleetlens.budget_window w using (scope, subject, starts, ends)`,
      values,
    }),
  ]);
  return rows.map(({ scope, subject, starts, ends, spent, raised, noticed }) => ({
    scope,
    subject,
    window: { starts, ends },
    spent: BigInt(spent),
    ...(raised === null ? {} : { raised: BigInt(raised) }),
    ...(noticed === null ? {} : { noticed: BigInt(noticed) }),
  }));
}

function readRun({ source, run_id: runId, persona, spent, raised, noticed }: RunRow): SpentNow {
  return {
    scope: 'persona_run',
    subject: persona,
    run: { source, runId },
    spent: BigInt(spent),
    ...(raised === null ? {} : { raised: BigInt(raised) }),
    ...(noticed === null ? {} : { noticed: BigInt(noticed) }),
  };
}
