import { comparePlaces, type OutputPlace, placeOf } from '@contract/outputPlace.ts';
import type { Listed } from '../../api/FleetApi';

export type OutputLine = Listed<'output'>;

/**
 * A window of what was printed: lines that follow one another without a gap, in order, each once. What lies before and after it is at
 * the exporter.
 */
export interface OutputBuffer {
  readonly lines: readonly OutputLine[];
  /** There is nothing before the first line. */
  readonly atStart: boolean;
  /** There is nothing after the last line: what is printed now comes next. */
  readonly atEnd: boolean;
}

export const EMPTY_BUFFER: OutputBuffer = { lines: [], atStart: true, atEnd: true };

/** @returns what a line is one by; one that was written again (a message while it streams) replaces the former. */
export function lineKey({ sandboxId = '', stepId = '', seq }: OutputLine): string {
  return `${sandboxId}\u001f${stepId}\u001f${seq}`;
}

/** Which version of a line it is: a message grows, and then it is completed. Sources tell it at its own time. */
function isOlder(line: OutputLine, than: OutputLine): boolean {
  return (line.at ?? '') < (than.at ?? '');
}

function sorted(lines: Iterable<OutputLine>): OutputLine[] {
  return [...lines].sort((a, b) => comparePlaces(placeOf(a), placeOf(b)));
}

/** @returns index of the first line that stands at the place or after it. */
export function indexOfPlace(lines: readonly OutputLine[], place: OutputPlace): number {
  let [from, to] = [0, lines.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (comparePlaces(placeOf(lines[middle] as OutputLine), place) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

/**
 * Merges lines that were printed into those that are there: later versions replace former ones and stand where they sort.
 * @param keepOutside lines before the first and after the last one are kept although others may lie between
 */
function merge(buffer: OutputBuffer, lines: readonly OutputLine[], keepOutside: boolean): readonly OutputLine[] {
  const [first, last] = [buffer.lines[0], buffer.lines.at(-1)];
  const known = new Map(buffer.lines.map((line) => [lineKey(line), line]));
  const fresh = new Map<string, OutputLine>();
  for (const line of lines) {
    const key = lineKey(line);
    const former = fresh.get(key) ?? known.get(key);
    if (former !== undefined && isOlder(line, former)) continue;
    fresh.set(key, line);
  }
  const isInside = (line: OutputLine) => {
    if (keepOutside || first === undefined || last === undefined) return true;
    const isBefore = comparePlaces(placeOf(line), placeOf(first)) < 0;
    const isAfter = comparePlaces(placeOf(line), placeOf(last)) > 0;
    return (!isBefore || buffer.atStart) && (!isAfter || buffer.atEnd);
  };
  const added = sorted([...fresh.values()].filter(isInside));
  if (fresh.size === 0) return buffer.lines;
  const kept = buffer.lines.filter((line) => !fresh.has(lineKey(line)));
  if (added.length === 0) return kept;
  const end = kept.at(-1);
  // Most come at the end.
  if (end === undefined || comparePlaces(placeOf(end), placeOf(added[0] as OutputLine)) < 0) return [...kept, ...added];
  return sorted([...kept, ...added]);
}

/** @returns the window with what was printed now; what lies outside of it comes when the window gets there. */
export function takeLive(buffer: OutputBuffer, lines: readonly OutputLine[]): OutputBuffer {
  // Nothing is there to say where an empty window is: only where all is known to be empty something can be added.
  if (buffer.lines.length === 0 && !(buffer.atStart && buffer.atEnd)) return buffer;
  return { ...buffer, lines: merge(buffer, lines, false) };
}

/** @returns the window with a page that adjoins its beginning. */
export function takeEarlier(buffer: OutputBuffer, page: readonly OutputLine[], reachesStart: boolean): OutputBuffer {
  return { lines: merge(buffer, page, true), atStart: reachesStart, atEnd: buffer.atEnd };
}

/** @returns the window with a page that adjoins its end. */
export function takeLater(buffer: OutputBuffer, page: readonly OutputLine[], reachesEnd: boolean): OutputBuffer {
  return { lines: merge(buffer, page, true), atStart: buffer.atStart, atEnd: reachesEnd };
}

export interface BufferLimits {
  readonly lines: number;
  /** Of text, all lines together. */
  readonly characters: number;
}

/** What a page of a browser holds without effort: some ten thousand lines, 32 MiB of text at most. */
export const BUFFER_LIMITS: BufferLimits = { lines: 12_000, characters: 16 * 1024 * 1024 };

/**
 * Drops lines far from where somebody reads, at whichever end is further, until the limits are kept.
 * @param at index of the line that is read
 */
export function dropFar(buffer: OutputBuffer, at: number, limits: BufferLimits = BUFFER_LIMITS): OutputBuffer {
  const { lines } = buffer;
  const lengths = lines.map(({ text = '' }) => text.length);
  let characters = lengths.reduce((sum, length) => sum + length, 0);
  if (lines.length <= limits.lines && characters <= limits.characters) return buffer;
  let [from, to] = [0, lines.length];
  const isOver = () => to - from > limits.lines || characters > limits.characters;
  while (to - from > 1 && isOver()) {
    if (at - from > to - 1 - at) characters -= lengths[from++] as number;
    else characters -= lengths[--to] as number;
  }
  return {
    lines: lines.slice(from, to),
    atStart: buffer.atStart && from === 0,
    atEnd: buffer.atEnd && to === lines.length,
  };
}
