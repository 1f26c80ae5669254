import type { PulledRecord } from '../source.ts';
import { mapQueue } from './mapQueue.ts';
import type { RunMemory } from './runMemory.ts';
import type { CallContext, TriggerApi } from './triggerApi.ts';

/** A queue that stands still is told again after so long, so that its history has no gaps. */
const TELL_AGAIN_MS = 5 * 60_000;

/** How the queues stand. Each task has one, so there can be hundreds: of those that stand still nothing is told. */
export class QueueSamples {
  readonly #api: TriggerApi;
  readonly #memory: RunMemory;
  #told = new Map<string, { readonly state: string; readonly atMs: number }>();

  constructor(api: TriggerApi, memory: RunMemory) {
    this.#api = api;
    this.#memory = memory;
  }

  /**
   * @param runsAreKnown this poll read the runs: what is known of those that wait is true now.
   * @throws SourceError
   */
  async sample(
    context: CallContext,
    runsAreKnown: boolean,
  ): Promise<{ records: readonly PulledRecord[]; committed(): void }> {
    const queues = await this.#api.queues(context);
    const nowMs = Date.now();
    const at = new Date(nowMs).toISOString();
    const waitingIn = runsAreKnown ? this.#memory.waiting() : undefined;
    const records: PulledRecord[] = [];
    const told = new Map<string, { state: string; atMs: number }>();
    for (const raw of queues) {
      const record = mapQueue(raw, at, waitingIn);
      if (record === undefined) continue;
      const { at: _at, queue, ...standing } = record.data;
      const state = JSON.stringify(standing);
      const last = this.#told.get(String(queue));
      const stands = last?.state === state && nowMs - last.atMs < TELL_AGAIN_MS;
      told.set(String(queue), stands ? last : { state, atMs: nowMs });
      if (!stands) records.push(record);
    }
    return {
      records,
      committed: () => {
        this.#told = told;
      },
    };
  }
}
