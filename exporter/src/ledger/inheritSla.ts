import type { Config } from '../config.ts';
import { recordKey } from '../contract/recordKey.ts';
import type { RecordOf } from '../contract/records.ts';
import { normaliseData } from '../normalise/normaliseEvent.ts';
import type { Ledger } from './ledger.ts';
import { type Merged, stampOf } from './mergeEvent.ts';
import { recordEvents } from './recordEvents.ts';
import type { Transaction } from './transaction.ts';

/** Who says so, in the stamps of a workflow's record. */
const BY = 'fleetlens configuration';

/** An approval that waits, and one record for each workflow of its project that may say how long it may. */
interface Waiting {
  readonly source: string;
  readonly project: string | null;
  readonly workflow: string;
}

/**
 * Gives the workflows whose approvals are waited for the SLA that they do not state themselves: that of the workflow in all
 * projects, else the configured one. It becomes part of the workflow's record, so that metrics and API tell the same, as
 * of a time so early that whatever the source says itself wins.
 */
export async function inheritSla(ledger: Ledger, approvals: Config['approvals']): Promise<void> {
  const { rows } = await ledger.pool.query<Waiting>({
    name: 'approval_workflows',
    text: `select distinct source, doc ->> 'project' as project, doc ->> 'workflow' as workflow from fleetlens.approval
        where not doc ?| array['decision', 'decidedAt'] and doc ? 'workflow' and not doc ? 'slaSeconds'
      union select source, doc ->> 'project', doc ->> 'workflow' from fleetlens.workflow where stamps::text like $1`,
    values: [`%"${BY}"%`],
  });
  if (rows.length === 0) return;
  // Read without the writer lock first: mostly there is nothing to change.
  const stored = await readWorkflows(ledger, rows);
  const changed = rows.filter((waiting) => inherited(waiting, stored, approvals) !== undefined);
  if (changed.length === 0) return;
  await ledger.transaction(async (tx) => {
    await tx.begin([], [...new Set(changed.map(({ source }) => source))]);
    await tx.working.load('workflow', changed.flatMap(keysOf));
    const now = (source: string, key: string) => tx.working.get('workflow', source, key).state;
    const events = changed.flatMap((waiting) => {
      const slaSeconds = inherited(waiting, now, approvals);
      return slaSeconds === undefined ? [] : [eventOf(waiting, slaSeconds, tx)];
    });
    await recordEvents(events, tx.recording());
  });
}

type Find = (source: string, key: string) => Merged | undefined;

/** @returns what the record should say from now on, null for nothing; undefined where it is right as it is. */
function inherited(waiting: Waiting, find: Find, approvals: Config['approvals']): number | null | undefined {
  const [own, ofAll] = keysOf(waiting).map(({ source, key }) => find(source, key));
  const said = own?.doc.approvalSlaSeconds as RecordOf<'workflow'>['approvalSlaSeconds'];
  const stamp = own && stampOf(own, 'approvalSlaSeconds');
  // The source says something itself, or cleared it.
  if (stamp !== undefined && stamp[1] !== BY) return undefined;
  const inAll = waiting.project === null ? undefined : ofAll?.doc.approvalSlaSeconds;
  const configuredMs = approvals.sla_by_workflow[waiting.workflow] ?? approvals.sla;
  const wanted = typeof inAll === 'number' ? inAll : configuredMs === undefined ? undefined : configuredMs / 1000;
  return wanted === said ? undefined : (wanted ?? null);
}

/** The keys of the workflow's record in the project, and of that for all projects. */
function keysOf({ source, project, workflow }: Waiting) {
  const key = (fields: Record<string, unknown>) => ({ source, key: recordKey('workflow', fields) as string });
  return [key({ workflow, project }), key({ workflow })];
}

function eventOf({ source, project, workflow }: Waiting, slaSeconds: number | null, tx: Transaction) {
  // Later ones win among themselves, and every time of a source is later: a thousandth of the time since 1970.
  const at = new Date(tx.nowMs / 1000).toISOString();
  const data = { workflow, ...(project === null ? {} : { project }), approvalSlaSeconds: slaSeconds };
  return { id: BY, source, kind: 'workflow' as const, at, ...normaliseData('workflow', data, at) };
}

async function readWorkflows(ledger: Ledger, waiting: readonly Waiting[]): Promise<Find> {
  const keys = waiting.flatMap(keysOf);
  const { rows } = await ledger.pool.query<Merged & { source: string; key: string }>({
    name: 'workflows_of_approvals',
    text: `select w.source, w.key, w.doc, w.stamps from fleetlens.workflow w
      join (select distinct * from unnest($1::text[], $2::text[])) as k(source, key) on w.source = k.source and w.key = k.key`,
    values: [keys.map((k) => k.source), keys.map((k) => k.key)],
  });
  const found = new Map(rows.map((row) => [`${row.source}\0${row.key}`, row]));
  return (source, key) => found.get(`${source}\0${key}`);
}
