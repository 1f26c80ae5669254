import type { Kind } from '../../exporter/src/contract/records.ts';
import type { CacheTraffic } from './daily.ts';
import type { Script } from './script.ts';
import type { Span } from './steps.ts';
import type { Outage } from './timeline.ts';
import { MINUTE_MS } from './world.ts';

/** What the quiet fleet does not do in the meantime. */
export interface Silence extends Span {
  readonly source: string;
  /** Absent: the source says nothing at all. */
  readonly kinds?: readonly Kind[];
  readonly project?: string;
}

/** What a story brings besides the events in its script. */
export interface Told {
  readonly to: number;
  readonly outages?: readonly Outage[];
  readonly silences?: readonly Silence[];
  readonly cache?: readonly CacheTraffic[];
  /** Redis does not answer. */
  readonly redisDown?: readonly Span[];
}

/** How a story is made, whenever it happens. */
export interface Recipe {
  readonly name: string;
  readonly alerts: readonly string[];
  /** When it can begin: by day only, at night only, or whenever. */
  readonly when?: 'day' | 'night';
  /** It needs so much history before it: a baseline, or habits. */
  readonly leadMs?: number;
  /** At most so long. */
  readonly lengthMs: number;
  /** Nothing else happens meanwhile: it hides or mutes the others. */
  readonly isAlone?: true;
  /** Two incidents of the same part of the fleet would undo each other: they do not meet. */
  readonly of?: 'jobs' | 'adapters';
  tell(script: Script, at: number, month: { readonly startMs: number; readonly endMs: number }): Told;
}

export const minutes = (n: number) => n * MINUTE_MS;
