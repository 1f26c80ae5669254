import type pg from 'pg';
import { allStatements } from './allStatements.ts';
import { noticeLimits } from './budgets/noticeLimits.ts';
import { reachedLimits } from './budgets/reachedLimits.ts';
import { type HistoryTally, type Told, tell } from './historyTally.ts';
import { type ChangeEntry, commitWriting } from './lockLedger.ts';
import type { NewRecordGuess } from './newRecordGuess.ts';
import { judgeEvaluations } from './quality/judgeEvaluations.ts';
import type { LedgerPolicy, RecordingContext } from './recordEvents.ts';
import { RollupMoves } from './rollupMoves.ts';
import type { SeriesRegistry } from './seriesRegistry.ts';
import {
  isLive,
  noteHistory,
  readSourceStates,
  type SourceReading,
  type SourceState,
  writeSourceReadings,
} from './sourceState.ts';
import type { WorkingSet } from './workingSet.ts';

/** One write: what it read, what it moves. {@link finish} writes all of it and commits. */
export class Transaction {
  readonly client: pg.PoolClient;
  readonly registry: SeriesRegistry;
  readonly policy: LedgerPolicy;
  readonly nowMs: number;
  readonly seq: number;
  readonly working: WorkingSet;
  readonly #hasTombstones: boolean;
  readonly #hidden = new Set<string>();
  readonly #states = new Map<string, SourceState>();
  readonly #readings: SourceReading[] = [];
  readonly #alongside: Promise<unknown>[] = [];
  #failure: unknown;
  readonly moves: RollupMoves;
  /** Live sources that tell history here. */
  readonly history = new Set<string>();
  readonly #told: Told = new Map();
  readonly #tally: HistoryTally;

  constructor(
    client: pg.PoolClient,
    working: WorkingSet,
    registry: SeriesRegistry,
    policy: LedgerPolicy,
    head: { seq: number; nowMs: number; hasTombstones: boolean },
    tally: HistoryTally,
  ) {
    this.client = client;
    this.registry = registry;
    this.policy = policy;
    this.nowMs = head.nowMs;
    this.seq = head.seq + 1;
    this.#hasTombstones = head.hasTombstones;
    this.working = working;
    this.#tally = tally;
    this.moves = new RollupMoves(registry, this.#hidden);
  }

  /**
   * Reads the state of the sources that this transaction writes for. What comes to write later may begin for its own sources;
   * of a source that did already, the first reading stands.
   * @param addedTo sources of records that others add to; their own state does not move
   * @param known the states of all of them, where they were read already
   */
  async begin(
    readings: readonly SourceReading[],
    addedTo: readonly string[] = [],
    known?: ReadonlyMap<string, SourceState>,
  ): Promise<void> {
    const begun = new Set(this.#readings.map((r) => r.source));
    const added = readings.filter((r) => !begun.has(r.source));
    const others = new Set(addedTo).difference(begun).difference(new Set(added.map((r) => r.source)));
    this.#readings.push(...added);
    const states = known ?? (await readSourceStates(this.client, [...added.map((r) => r.source), ...others]));
    for (const [source, state] of states) this.#states.set(source, state);
    this.hide(added.flatMap((reading) => (isLive(reading, states.get(reading.source)) ? [] : [reading.source])));
    this.hide([...others].filter((source) => states.get(source)?.live !== true));
  }

  /** Their new series need not begin at 0: what these sources count is not exposed yet. */
  hide(sources: Iterable<string>): void {
    for (const source of sources) this.#hidden.add(source);
  }

  /** @returns whether what the source counts is not exposed yet. */
  hides(source: string): boolean {
    return this.#hidden.has(source);
  }

  /** Notes one thing that a live source counts here, and whether it happened long ago. */
  readonly tell = (source: string, late: boolean): void => tell(this.#told, source, late);

  /** Why a statement that nobody waits for failed. */
  get failure(): unknown {
    return this.#failure;
  }

  /** A statement whose answer nobody waits for before the end; where it fails, the transaction does. */
  alongside(statement: Promise<unknown>): void {
    statement.catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#alongside.push(statement);
  }

  /**
   * @param mayBeHistory off: what is recorded comes as late as it always does
   * @param writesAhead of many events what is new is written while the rest is computed
   */
  recording({
    guess,
    mayBeHistory = true,
    writesAhead = false,
  }: {
    readonly guess?: NewRecordGuess | undefined;
    readonly mayBeHistory?: boolean;
    readonly writesAhead?: boolean;
  } = {}): RecordingContext {
    return {
      guess,
      writeAhead: writesAhead ? () => this.alongside(this.working.writeAhead(this.seq)) : undefined,
      tell: mayBeHistory ? this.tell : undefined,
      client: this.client,
      working: this.working,
      moves: this.moves,
      policy: this.policy,
      states: this.#states,
      hidden: this.#hidden,
      hasTombstones: this.#hasTombstones,
      nowMs: this.nowMs,
    };
  }

  /** @param onSent called when nothing is left but to wait for the commit */
  async finish(onSent: () => void): Promise<void> {
    const { client, seq, nowMs } = this;
    await judgeEvaluations(this);
    const changed = this.working.changed();
    const runs = changed.filter((r) => r.kind === 'run');
    const { budgets } = this.policy;
    const mayReach = !this.moves.spent.isEmpty || (runs.length > 0 && budgets?.limits.has('persona_run') === true);
    const writing = allStatements([...this.#alongside, this.working.write(seq)]);
    const spending = this.moves.spent.write(client, {
      policy: budgets,
      changed: runs,
      nowMs,
    });
    const rest = [this.moves.write(client, seq), writeSourceReadings(client, this.#readings, this.#states, nowMs, seq)];
    for (const source of this.#tally.add(this.#told, nowMs)) this.history.add(source);
    if (this.history.size > 0) rest.push(noteHistory(client, this.history, seq));
    if (budgets !== undefined && mayReach) {
      const [spent] = await allStatements([spending, writing, ...rest]);
      await noticeLimits(client, reachedLimits(spent, budgets), { policy: budgets, nowMs });
    }
    const committing = allStatements([
      writing,
      spending,
      ...rest,
      commitWriting(
        client,
        seq,
        changed.map(
          (r): ChangeEntry =>
            r.leftRun === undefined ? [r.kind, r.source, r.key] : [r.kind, r.source, r.key, r.leftRun],
        ),
      ),
    ]);
    onSent();
    await committing;
  }
}
