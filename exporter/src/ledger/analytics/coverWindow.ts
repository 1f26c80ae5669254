import { HOUR_MS, LEVEL_HOURS } from './measures.ts';

/** From (included) and to (not included), in numbers of a level or milliseconds. */
export type Span = readonly [from: number, to: number];

/** What a window is added up from: nodes of each level, and what is in none, from the facts. */
export interface Cover {
  readonly nodes: readonly (readonly Span[])[];
  readonly ranges: readonly Span[];
}

/** By level, the nodes that are not added up yet. */
export type Dirty = readonly ReadonlySet<number>[];

/**
 * Divides a window (milliseconds) into the largest nodes that are added up already; no moment is left out or in two of them.
 * @param highest the highest level to use
 */
export function coverWindow(fromMs: number, toMs: number, dirty: Dirty, highest: number): Cover {
  const nodes: Span[][] = LEVEL_HOURS.map(() => []);
  const ranges: Span[] = [];
  for (let ms = fromMs; ms < toMs; ) {
    const level = nodeAt(ms, toMs, dirty, highest);
    if (level === undefined) {
      const end = Math.min(toMs, (Math.floor(ms / HOUR_MS) + 1) * HOUR_MS);
      append(ranges, ms, end);
      ms = end;
    } else {
      const lengthMs = levelMs(level);
      append(nodes[level] as Span[], ms / lengthMs, ms / lengthMs + 1);
      ms += lengthMs;
    }
  }
  return { nodes, ranges };
}

const levelMs = (level: number) => (LEVEL_HOURS[level] as number) * HOUR_MS;

/** @returns the highest level with a node that begins then, ends in time and is added up; undefined where there is none */
function nodeAt(ms: number, toMs: number, dirty: Dirty, highest: number): number | undefined {
  for (let level = highest; level >= 0; level--) {
    const lengthMs = levelMs(level);
    if (ms % lengthMs === 0 && ms + lengthMs <= toMs && !dirty[level]?.has(ms / lengthMs)) return level;
  }
  return undefined;
}

function append(spans: Span[], from: number, to: number): void {
  const last = spans.at(-1);
  if (last?.[1] === from) spans[spans.length - 1] = [last[0], to];
  else spans.push([from, to]);
}
