import { HALF_HOUR_MS, HALF_LEVEL, HOUR_MS, LEVEL_HOURS } from './measures.ts';

/** From (included) and to (not included), in numbers of a level or milliseconds. */
export type Span = readonly [from: number, to: number];

/** Nodes of a level that follow each other. */
export interface Nodes {
  readonly level: number;
  readonly from: number;
  readonly to: number;
}

/** What a window is added up from: nodes, in order, and what is in none, from the facts. */
export interface Cover {
  readonly nodes: readonly Nodes[];
  readonly ranges: readonly Span[];
}

/** By level, the nodes that are not added up yet. */
export type Dirty = readonly ReadonlySet<number>[];

/**
 * Divides a window (milliseconds) into the largest nodes that are added up already; no moment is left out or in two of them.
 * @param levels those to use, the shortest first
 */
export function coverWindow(fromMs: number, toMs: number, dirty: Dirty, levels: readonly number[]): Cover {
  const nodes: Nodes[] = [];
  const ranges: Span[] = [];
  for (let ms = fromMs; ms < toMs; ) {
    const level = nodeAt(ms, toMs, dirty, levels);
    // From the facts: to the next moment at which a node may begin.
    const lengthMs = level === undefined ? levelMs(levels[0] as number) : levelMs(level);
    const place = Math.floor(ms / lengthMs);
    const end = Math.min(toMs, (place + 1) * lengthMs);
    if (level === undefined) appendRange(ranges, ms, end);
    else appendNode(nodes, level, place);
    ms = end;
  }
  return { nodes, ranges };
}

const levelMs = (level: number) => (level === HALF_LEVEL ? HALF_HOUR_MS : (LEVEL_HOURS[level] as number) * HOUR_MS);

/** @returns the highest level with a node that begins then, ends in time and is added up; undefined where there is none */
function nodeAt(ms: number, toMs: number, dirty: Dirty, levels: readonly number[]): number | undefined {
  return levels.findLast((level) => {
    const lengthMs = levelMs(level);
    return ms % lengthMs === 0 && ms + lengthMs <= toMs && !isDirty(dirty, level, ms);
  });
}

/** A half hour is added up with its hour. */
function isDirty(dirty: Dirty, level: number, ms: number): boolean {
  const of = Math.max(level, 0);
  return dirty[of]?.has(Math.floor(ms / levelMs(of))) ?? false;
}

function appendNode(nodes: Nodes[], level: number, n: number): void {
  const last = nodes.at(-1);
  if (last?.level === level && last.to === n) nodes[nodes.length - 1] = { ...last, to: n + 1 };
  else nodes.push({ level, from: n, to: n + 1 });
}

function appendRange(ranges: Span[], from: number, to: number): void {
  const last = ranges.at(-1);
  if (last?.[1] === from) ranges[ranges.length - 1] = [last[0], to];
  else ranges.push([from, to]);
}
