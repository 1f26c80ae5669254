import type { FamilyName } from '../../contract/metricCatalogue.ts';
import type { Kind, RecordOf } from '../../contract/records.ts';

/**
 * A thing that happened to a record and that a counter, histogram or summary counts once. `key` names it within
 * (record, family); `#<attempt>` at its end ties it to an attempt of the record.
 */
export interface Fact {
  readonly family: FamilyName;
  readonly key: string;
  readonly labels: readonly string[];
  /** What is added or observed, in the family's unit; 1 where absent. */
  readonly value?: number;
  /** The run that an exemplar names. */
  readonly runId?: string;
  /** When it happened (RFC 3339), for the exemplar. */
  readonly at?: string;
  /** It may stop being true, when its field says otherwise, without contradicting what was counted (a check that was run again). */
  readonly passing?: true;
  /**
   * The field that states it. A fact of an attempt is counted again in the next attempt only when an event states it again:
   * the error of the first attempt is not one of the second.
   */
  readonly field?: string;
  /** Money of the budgets. */
  readonly spent?: Spent;
}

/** When money was spent, and whose it is; the amount is the value of its fact. */
export interface Spent {
  /** A quarter of an hour, as `slotAt` numbers them. */
  readonly slot: number;
  readonly project: string;
  readonly persona: string;
  /** '' where the record names no run. */
  readonly runId: string;
}

/** What a record contributes to a gauge for as long as it is as it is. */
export interface Part {
  readonly family: FamilyName;
  readonly labels: readonly string[];
  /** Summed over records, or (families `from: 'least'`) the least taken. Unix seconds for points in time. */
  readonly value: number;
}

/** A growing total that somebody else counts, as one sample reports it. */
export interface Total {
  readonly family: FamilyName;
  readonly labels: readonly string[];
  readonly total: number;
  /** The field that it was read from. */
  readonly field: string;
}

/** All that the metrics can see of one record: a pure function of its merged document. */
export interface RecordView {
  readonly facts: readonly Fact[];
  readonly parts: readonly Part[];
  /** Series that exist from now on, at 0, with the siblings that the catalogue names. */
  readonly births?: readonly { readonly family: FamilyName; readonly labels: readonly string[] }[];
  /** Of a `least` family: parts up to this value are settled for good (a success resolves older failures). */
  readonly resolves?: readonly Part[];
  /** Samples only: totals, and whether the server that counts is another one than before. */
  readonly totals?: readonly Total[];
  readonly serverRunId?: string | undefined;
  /** Samples only: counted once for each sample that says it. */
  readonly increments?: readonly {
    readonly family: FamilyName;
    readonly labels: readonly string[];
    readonly value: number;
    /** The field that says it; a sample that does not set it says nothing. */
    readonly field: string;
  }[];
  /** The attempt that is under way or was the last. */
  readonly attempt?: number;
}

/** What a view needs to know besides the record. */
export interface ViewContext {
  /** Where the source's cost and tokens are counted from. */
  readonly costFrom: 'usage' | 'run';
  /** Of the source, IANA name; default UTC. */
  readonly timeZone?: string | undefined;
  /** When the event happened that last set a field (RFC 3339). */
  stampOf(field: string): string | undefined;
  /** The run that a step belongs to. */
  readonly run?: { readonly project?: string; readonly workflow?: string } | undefined;
  /** A finished run whose late usage has come: what its usage records sum up to, if there are any. */
  readonly settled?: { readonly usageCostUsd?: number; readonly usageTokens?: number } | undefined;
}

export type View<K extends Kind> = (doc: RecordOf<K>, context: ViewContext) => RecordView;

/** A label that a source cannot fill is the empty string. */
export function label(value: string | undefined): string {
  return value ?? '';
}

/** RFC 3339 -> Unix seconds. */
export function unixSeconds(at: string): number {
  return Date.parse(at) / 1000;
}

/** Seconds from one time to another; undefined where one is unknown or the clocks contradict each other. */
export function secondsBetween(from: string | undefined, to: string | undefined): number | undefined {
  if (from === undefined || to === undefined) return undefined;
  const ms = Date.parse(to) - Date.parse(from);
  return ms >= 0 ? ms / 1000 : undefined;
}
