import type { PulledRecord } from '../../../contract/events.ts';
import { ChangedRecords, type RowRecords } from '../../rows/changedRecords.ts';
import type { PollContext, PollPage } from '../../source.ts';
import type { Platform } from '../platform.ts';
import type { ListPlace, RestCursor } from './restCursor.ts';

const RECORDS_A_PAGE = 1_500;

/** One poll's view of the source. */
export interface RestPoll {
  readonly context: PollContext;
  readonly platform: Platform;
  readonly lists: Record<string, ListPlace>;
  readonly isRescan: boolean;
  /** Lifetime runs of the project by the platform's own counter. */
  totalRuns: number | undefined;
  readRuns: number;
}

interface SendOptions {
  readonly goneRuns?: readonly string[];
  /** Off for what a first read sends: none of it is read again soon, and it would fill the memory. */
  readonly remember?: boolean;
  /** Moves the places of the lists; done with the last page, so that an interruption loses none of them. */
  readonly advance?: () => void;
}

/** Makes the pages of a poll, of what differs from what was sent before. */
export class PageSender {
  readonly #changed = new ChangedRecords();
  /** The cursor that was committed last. */
  #committed: string | undefined;

  /** @returns whether the poll starts where this process ended: else another replica polled in between. */
  startPoll(cursor: unknown): boolean {
    this.#changed.startPoll(cursor);
    return this.#committed === cursor;
  }

  /** Pages of a bounded size; what the platform says of several documents together comes with them. */
  async *send(
    poll: RestPoll,
    rows: readonly RowRecords[],
    { goneRuns = [], remember = true, advance = () => {} }: SendOptions = {},
  ): AsyncGenerator<PollPage> {
    const joined = poll.platform.flush().map((record) => ({
      id: `joined ${record.kind} ${String(record.data.chainId ?? record.data[record.kind])}`,
      records: [record],
    }));
    const all = [...rows, ...joined];
    const { records, committed } = this.#changed.select(remember ? all : []);
    const wanted = remember ? records : all.flatMap((row) => row.records);
    let from = 0;
    for (; wanted.length - from > RECORDS_A_PAGE; from += RECORDS_A_PAGE) {
      yield* this.#handOver(poll, wanted.slice(from, from + RECORDS_A_PAGE), [], this.#changed.select([]).committed);
    }
    advance();
    yield* this.#handOver(poll, wanted.slice(from), goneRuns, committed);
  }

  /** A page; once the next one is asked for, it is committed. */
  async *#handOver(
    poll: RestPoll,
    records: readonly PulledRecord[],
    goneRuns: readonly string[],
    committed: (cursor: unknown) => void,
  ): AsyncGenerator<PollPage> {
    const { lists, platform, totalRuns, readRuns } = poll;
    const state: RestCursor = { v: 1, api: 'rest', lists, state: platform.state() };
    const cursor = JSON.stringify(state);
    yield {
      records,
      cursor,
      ...(goneRuns.length === 0 ? {} : { goneRuns }),
      ...(totalRuns === undefined ? {} : { progress: { done: readRuns, total: Math.max(totalRuns, readRuns) } }),
    };
    this.#committed = cursor;
    committed(cursor);
  }
}
