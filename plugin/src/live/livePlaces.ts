import { isAfter, parsePosition } from '@contract/topics.ts';
import type { Places, Subscriptions } from './liveMessages';

/** @returns whether `a` is further than `b`; nothing is further than what is not known. */
export function isFurther(a: string | null, b: string | null): boolean {
  const [x, y] = [a === null ? undefined : parsePosition(a), b === null ? undefined : parsePosition(b)];
  return x !== undefined && (y === undefined || isAfter(x, y));
}

/** @returns the further one of two places. */
export function furthest(a: string | null, b: string | null): string | null {
  return isFurther(b, a) ? b : a;
}

/** @returns every topic that somebody follows, from the earliest place that somebody needs; null where it may begin now. */
export function unitePlaces(all: Iterable<Places>): Map<string, string | null> {
  const united = new Map<string, string | null>();
  for (const places of all) {
    for (const [topic, place] of Object.entries(places)) {
      const known = united.get(topic);
      if (known === undefined || known === null || (place !== null && isFurther(known, place)))
        united.set(topic, place);
    }
  }
  return united;
}

/**
 * @returns whether a stream that has told `topics`, all up to `told`, tells these subscriptions all that they need: whoever is
 *   behind needs it from further back.
 */
export function covers(topics: ReadonlySet<string>, told: string | null, places: Places): boolean {
  return Object.entries(places).every(
    ([topic, place]) => topics.has(topic) && (place === null || !isFurther(told, place)),
  );
}

/** @returns the same subscriptions, as they stand where they were told all up to `told`. */
export function advance(subscriptions: Subscriptions, told: string | null): Subscriptions {
  const advanced = Object.entries(subscriptions).map(([id, places]) => [
    id,
    Object.fromEntries(Object.entries(places).map(([topic, place]) => [topic, furthest(place, told)])),
  ]);
  return Object.fromEntries(advanced) as Subscriptions;
}
