import type { Kind, RecordOf } from '../contract/records.ts';

/** What a source pushes: one entry of the body of `POST /api/v1/events`. */
export interface FleetEvent {
  readonly id: string;
  readonly source: string;
  readonly kind: Kind;
  /** RFC 3339. */
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A record of a kind, whole or partial; `null` clears a field. */
export type EventData<K extends Kind> = {
  readonly [F in Exclude<keyof RecordOf<K>, 'source'>]?: RecordOf<K>[F] | null | undefined;
};

/** Something on the way to becoming events: an event itself, or a stretch of time whose events are made when it comes. */
export type Happening =
  | { readonly ms: number; readonly id: string; readonly event: FleetEvent }
  | { readonly ms: number; readonly endMs: number; readonly id: string; readonly unfold: () => readonly Happening[] };

/** No story goes on for longer than this after it began; who continues a history reads no further back. */
export const LONGEST_STORY_MS = 5 * 86_400_000;

/** One entity of the fleet (a run, a chain, a day of readings) and all that happens to it. */
export class Story {
  readonly happenings: Happening[] = [];
  readonly source: string;
  readonly beginMs: number;
  /** Its events stand each for itself (readings): a window may cut it anywhere. */
  readonly divisible: boolean;

  constructor(source: string, beginMs: number, options: { readonly divisible?: boolean } = {}) {
    this.source = source;
    this.beginMs = beginMs;
    this.divisible = options.divisible ?? false;
  }

  /**
   * Adds an event.
   * @param ms when it happens, milliseconds since the epoch.
   * @param id unique within the source, and the same in every simulation of the same seed.
   */
  tell<K extends Kind>(kind: K, ms: number, id: string, data: EventData<K>): void {
    const rounded = this.#within(ms, id);
    this.happenings.push({
      ms: rounded,
      id,
      event: { id, source: this.source, kind, at: instantOf(rounded), data },
    });
  }

  /** Adds a stretch of time, from `ms` to `endMs`, whose events nobody needs before it comes. */
  later(ms: number, endMs: number, id: string, unfold: (story: Story) => void): void {
    const from = this.#within(ms, id);
    this.happenings.push({
      ms: from,
      endMs,
      id,
      unfold: () => {
        const stretch = new Story(this.source, from);
        unfold(stretch);
        return stretch.happenings;
      },
    });
  }

  #within(ms: number, id: string): number {
    const rounded = Math.round(ms);
    if (!(rounded >= Math.floor(this.beginMs) && rounded < this.beginMs + LONGEST_STORY_MS)) {
      throw new RangeError(
        `${id}: found ${ms - this.beginMs} ms after the story's begin, expected 0 to ${LONGEST_STORY_MS}`,
      );
    }
    return rounded;
  }
}

/** Milliseconds since the epoch -> RFC 3339. */
export function instantOf(ms: number): string {
  return new Date(Math.round(ms)).toISOString();
}

/** Milliseconds since the epoch -> `YYYY-MM-DD`, UTC. */
export function dateOf(ms: number): string {
  return instantOf(ms).slice(0, 10);
}
