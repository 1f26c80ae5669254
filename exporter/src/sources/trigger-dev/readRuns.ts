import type { JsonObject } from '../rows/textValues.ts';
import { type PollContext, type PulledRecord, SourceError } from '../source.ts';
import type { StatusWords } from '../statusWords.ts';
import type { TriggerDevConfig } from './config.ts';
import { type MappedRun, mapRun } from './mapRun.ts';
import type { RunMemory } from './runMemory.ts';
import type { TriggerApi } from './triggerApi.ts';

/** Runs that are asked for at once. */
const CONCURRENCY = 8;
/** Polls in which details that cannot be read are asked for again, before the list's word has to do. */
const MAX_RETRIES = 5;

export interface RunReading {
  readonly api: TriggerApi;
  readonly config: TriggerDevConfig;
  readonly words: StatusWords;
  readonly memory: RunMemory;
  /** Runs whose details could not be read. */
  readonly unread: Map<string, UnreadRun>;
}

interface UnreadRun {
  readonly times: number;
  readonly listed: JsonObject | undefined;
}

/** A run to be read: what a list says of it, where it was listed. */
export interface ListedRun {
  readonly id: string;
  readonly listed?: JsonObject;
}

export interface RunsRead {
  readonly records: readonly PulledRecord[];
  readonly goneRuns: readonly string[];
  /** To be called when they are in the ledger. */
  committed(): void;
}

/** Reads the details of runs, and keeps the set of those that are still open. */
export class RunReader {
  readonly #reading: RunReading;
  readonly #context: PollContext;
  readonly #open: Set<string>;
  /** Asked for in this poll. */
  readonly read = new Set<string>();
  /** The last failure of a run's details; the other runs were read. */
  failure: SourceError | undefined;

  constructor(reading: RunReading, context: PollContext, open: readonly string[]) {
    this.#reading = reading;
    this.#context = context;
    this.#open = new Set(open);
  }

  /** Runs that are open, or are to be read again. */
  get open(): string[] {
    return [...this.#open];
  }

  /** @throws SourceError where no further run can be read */
  async details(runs: readonly ListedRun[]): Promise<RunsRead> {
    const found: ({ mapped: MappedRun } | { gone: string } | undefined)[] = [];
    const queue = runs.entries();
    const worker = async () => {
      for (const [index, run] of queue) found[index] = await this.#detail(run);
    };
    // All come to their end before a failure is passed on: none goes on behind the back of the next poll.
    const ended = await Promise.allSettled(Array.from({ length: CONCURRENCY }, worker));
    const failed = ended.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;

    const mapped = found.flatMap((entry) => (entry !== undefined && 'mapped' in entry ? [entry.mapped] : []));
    const gone = found.flatMap((entry) => (entry !== undefined && 'gone' in entry ? [entry.gone] : []));
    for (const run of mapped) {
      if (run.open) this.#open.add(run.id);
      else this.#open.delete(run.id);
    }
    for (const id of gone) this.#open.delete(id);
    const { memory, unread, config } = this.#reading;
    return {
      records: mapped.flatMap(({ records }) => records),
      goneRuns: config.runs_of === undefined ? gone : [],
      committed: () => {
        for (const run of mapped) memory.remember(run);
        for (const id of gone) memory.forget(id);
        for (const id of [...gone, ...mapped.map((run) => run.id)]) unread.delete(id);
      },
    };
  }

  async #detail({ id, listed }: ListedRun): Promise<{ mapped: MappedRun } | { gone: string } | undefined> {
    const { api, config, words, unread } = this.#reading;
    this.read.add(id);
    try {
      const detail = await api.run(id, this.#context);
      if (detail === undefined) return { gone: id };
      const mapped = mapRun({ ...listed, ...detail }, config, words);
      if (mapped !== undefined) return { mapped };
      throw new SourceError(`GET /api/v3/runs/${id}: found no id in it, expected a run`, { result: 'schema' });
    } catch (error) {
      if (!(error instanceof SourceError) || error.result !== 'schema') throw error;
      // One answer that cannot be read must not hold up the other runs.
      this.failure = error;
      const before = unread.get(id);
      const times = (before?.times ?? 0) + 1;
      const lastListed = listed ?? before?.listed;
      unread.set(id, { times, listed: lastListed });
      if (times < MAX_RETRIES) {
        this.#open.add(id);
        return undefined;
      }
      this.#open.delete(id);
      const mapped = lastListed === undefined ? undefined : mapRun(lastListed, config, words);
      return mapped && { mapped };
    }
  }
}
