import { sameJson } from '../sameJson.ts';
import type { WaitingRuns } from './mapQueue.ts';
import type { MappedRun } from './mapRun.ts';

/** Runs whose last update is remembered; beyond, the oldest are forgotten and asked for once more. */
const MAX_REMEMBERED = 50_000;

/**
 * What this process read of runs, so that a run that did not change is not asked for again. Only an optimisation: a process
 * that starts anew asks for the open runs once.
 */
export class RunMemory {
  #updated = new Map<string, string>();
  #waits = new Map<string, NonNullable<MappedRun['waits']>>();
  #toldStillThere = new Map<string, number>();
  #cursor: unknown;

  /** @param cursor where this poll starts: another replica polled in between where it is not where we ended. */
  startPoll(cursor: unknown): void {
    if (sameJson(cursor, this.#cursor)) return;
    this.#updated = new Map();
    this.#waits = new Map();
    this.#toldStillThere = new Map();
  }

  committed(cursor: unknown): void {
    this.#cursor = cursor;
  }

  /** Nothing was read by this process yet, or another one read after it. */
  get isEmpty(): boolean {
    return this.#updated.size === 0;
  }

  /** @returns whether the run was read in this state or a later one (lists can lag behind). */
  knows(id: string, updatedAt: string | undefined): boolean {
    const read = this.#updated.get(id);
    return read !== undefined && updatedAt !== undefined && read >= updatedAt;
  }

  remember(run: MappedRun): void {
    this.#updated.delete(run.id);
    if (!run.open) this.#toldStillThere.delete(run.id);
    if (run.updatedAt !== undefined) this.#updated.set(run.id, run.updatedAt);
    if (run.waits === undefined) this.#waits.delete(run.id);
    else this.#waits.set(run.id, run.waits);
    for (const id of this.#updated.keys()) {
      if (this.#updated.size <= MAX_REMEMBERED) break;
      this.#updated.delete(id);
    }
  }

  /** @returns whether it has not been told in this stretch of time yet. */
  tellsStillThere(id: string, stretchMs: number): boolean {
    if (this.#toldStillThere.get(id) === stretchMs) return false;
    this.#toldStillThere.set(id, stretchMs);
    return true;
  }

  forget(id: string): void {
    this.#toldStillThere.delete(id);
    this.#updated.delete(id);
    this.#waits.delete(id);
  }

  /** @returns the runs that wait, by queue. */
  waiting(): (queue: string) => WaitingRuns {
    const queues = new Map<string, { deferred: number; oldestDueAt: string | undefined }>();
    for (const { queue, since, deferred } of this.#waits.values()) {
      const of = queues.get(queue) ?? { deferred: 0, oldestDueAt: undefined };
      if (deferred) of.deferred++;
      else if (since !== undefined && (of.oldestDueAt === undefined || since < of.oldestDueAt)) of.oldestDueAt = since;
      queues.set(queue, of);
    }
    return (queue) => queues.get(queue) ?? { deferred: 0, oldestDueAt: undefined };
  }
}
