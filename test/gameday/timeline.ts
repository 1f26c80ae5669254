import type { BudgetScope } from '../../exporter/src/contract/budgets.ts';
import type { Kind } from '../../exporter/src/contract/records.ts';
import type { Span } from './steps.ts';
import type { AdapterResult } from './world.ts';

/** One thing that happens in the simulated month. `at`: when the exporter hears of it, milliseconds since 1970. */
export type Happening = { readonly at: number } & (
  | {
      readonly what: 'event';
      readonly source: string;
      readonly kind: Kind;
      /** When the sender says that it happened. */
      readonly saidAt: number;
      readonly data: Readonly<Record<string, unknown>>;
    }
  /** Somebody acknowledges the pause of a budget. */
  | { readonly what: 'acknowledge'; readonly scope: BudgetScope; readonly subject: string }
  /** Records that cannot be read are kept aside; 0 clears them. */
  | { readonly what: 'deadLetters'; readonly source: string; readonly count: number }
  /** `fleetlens ledger verify` ended. */
  | { readonly what: 'verified'; readonly mismatches: number }
  /** Pushes were answered 503. */
  | { readonly what: 'refused'; readonly source: string; readonly count: number }
  /** The exporter's own calls to a source. */
  | { readonly what: 'requests'; readonly source: string; readonly result: AdapterResult; readonly count: number }
  /** A replica's process starts anew: its own counters begin at 0. */
  | { readonly what: 'restart'; readonly replica: string }
);

/** What is gone for a while. */
export type Outage = Span &
  (
    | { readonly of: 'replica'; readonly replica: string }
    /** The replica is no target: it was not yet there, or is no longer wanted. */
    | { readonly of: 'target'; readonly replica: string }
    | { readonly of: 'ledger' }
    | { readonly of: 'source'; readonly source: string }
    | { readonly of: 'prometheus' }
  );

/** A labelled incident or oddity. */
export interface Story {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** The alerts that it is about; none for an oddity. */
  readonly alerts: readonly string[];
  readonly happenings: readonly Happening[];
  readonly outages: readonly Outage[];
}

/** What the exporter and Prometheus live through, in order, and what of it is labelled. */
export interface Timeline {
  readonly seed: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly happenings: readonly Happening[];
  readonly outages: readonly Outage[];
  readonly incidents: readonly Story[];
  readonly oddities: readonly Story[];
}
