import type { ChangeEvent } from '@contract/live.ts';

/**
 * How the parts of a page, and all tabs of a browser, share one stream: one of them leads and holds it, and tells the others what
 * comes. Messages of one sender arrive in order, which everything here relies on.
 */

/** Topic -> what is behind already, as a position; null: nothing is known, it begins now. */
export type Places = Readonly<Record<string, string | null>>;
/** Subscription (its id is unique among all tabs) -> what it follows. */
export type Subscriptions = Readonly<Record<string, Places>>;

export interface LiveStatus {
  /** `idle`: nothing is followed. `polling`: asked every few seconds, because a stream is not to be had. */
  readonly mode: 'idle' | 'connecting' | 'live' | 'polling' | 'reconnecting';
  /** Whether the exporter's ledger answers; what it is told meanwhile comes later, nothing is lost. */
  readonly ledger: 'up' | 'down';
}
export const IDLE: LiveStatus = { mode: 'idle', ledger: 'up' };

export type LiveMessage =
  /** A member tells all that it follows. */
  | { readonly type: 'follow'; readonly from: string; readonly subscriptions: Subscriptions }
  | { readonly type: 'leave'; readonly from: string }
  /** There is a new leader: tell it what you follow. */
  | { readonly type: 'leader'; readonly from: string }
  /** From here on these subscriptions are told everything that comes after the places. */
  | { readonly type: 'accept'; readonly from: string; readonly subscriptions: Subscriptions }
  | { readonly type: 'event'; readonly from: string; readonly event: ChangeEvent }
  /** `position`: all that came up to there was told. */
  | { readonly type: 'status'; readonly from: string; readonly status: LiveStatus; readonly position: string | null };

/** What a subscription is told: what changed, or that it missed something and has to read again what it shows. */
export type LiveEvent =
  | Exclude<ChangeEvent, { event: 'reset' }>
  | { readonly event: 'missed'; readonly data: { readonly topics: readonly string[] } };
