/** For tests: a ledger that keeps what it is told, so that a test can say what a poll would have written. */
import { recordKey } from '../contract/recordKey.ts';
import type { Kind } from '../contract/records.ts';
import { isOpen } from '../contract/status.ts';
import type { OpenPullRequest } from '../ledger/openPullRequests.ts';
import type { PulledBatch } from '../ledger/recordPulled.ts';
import { normaliseData } from '../normalise/normaliseEvent.ts';
import type { PullLedger } from './poll/pullLedger.ts';

export class RecordingLedger implements PullLedger {
  readonly batches: PulledBatch[] = [];
  readonly records = new Map<string, { kind: Kind; fields: Record<string, unknown> }>();
  #cursor: unknown;
  #backfilled = false;

  async readCursor(): Promise<{ cursor: unknown; backfilled: boolean }> {
    return { cursor: this.#cursor, backfilled: this.#backfilled };
  }

  async recordPulled(batch: PulledBatch): Promise<void> {
    this.batches.push(batch);
    // As through the database: what is no JSON does not survive.
    this.#cursor = JSON.parse(JSON.stringify(batch.cursor)) ?? undefined;
    this.#backfilled ||= batch.backfillDone;
    for (const { kind, data, at } of batch.records) {
      const { fields } = normaliseData(kind, data, at ?? batch.startedAt.toISOString());
      const key = `${kind} ${recordKey(kind, fields)}`;
      this.records.set(key, { kind, fields: { ...this.records.get(key)?.fields, ...fields } });
    }
    for (const runId of batch.goneRuns ?? []) {
      const run = this.records.get(`run ${runId}`);
      if (run !== undefined) run.fields.status = 'unknown';
    }
  }

  async openRunIds(): Promise<readonly string[]> {
    return this.all('run').flatMap((run) => (isOpen(run.status as string) ? [run.runId as string] : []));
  }

  async openPullRequests(): Promise<readonly OpenPullRequest[]> {
    return [];
  }

  all(kind: Kind): Record<string, unknown>[] {
    return [...this.records.values()].filter((record) => record.kind === kind).map(({ fields }) => fields);
  }

  get(kind: Kind, key: string): Record<string, unknown> | undefined {
    return this.records.get(`${kind} ${key}`)?.fields;
  }

  /** How many records the batches since a position held. */
  recordsSince(batch: number): number {
    return this.batches.slice(batch).reduce((sum, { records }) => sum + records.length, 0);
  }
}
