/** Places of a timeline: 0 at its left end, 1 at its right. Long stretches in which nothing worked are drawn short. */
export interface TimeScale {
  readonly startMs: number;
  readonly endMs: number;
  /** Stretches that are drawn shorter than they are. */
  readonly cuts: readonly Span[];
  placeOf(ms: number): number;
  timeAt(place: number): number;
}

export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** A stretch without work is cut where it is longer than this share of all work; it then takes at most so much. */
const CUT_SHARE = 0.05;
/** All cuts together take at most this share of all work. */
const ALL_CUTS_SHARE = 0.3;
/** Shorter ones are left as they are. */
const LEAST_CUT_MS = 1_000;

/**
 * @param busy when something worked: in order, without overlaps
 * @param whole what the scale has to hold at least
 */
export function timeScale(busy: readonly Span[], whole: Span): TimeScale {
  const startMs = Math.min(whole.startMs, busy[0]?.startMs ?? whole.startMs);
  const endMs = Math.max(whole.endMs, busy.at(-1)?.endMs ?? whole.endMs, startMs + 1);
  const worked = busy.reduce((sum, span) => sum + span.endMs - span.startMs, 0);
  const longest = Math.max(LEAST_CUT_MS, worked * CUT_SHARE);
  const isLong = (from: number, to: number) => worked > 0 && to - from > longest;
  const idle = [...busy, { startMs: endMs, endMs }].map(
    (span, i) => [busy[i - 1]?.endMs ?? startMs, span.startMs] as const,
  );
  const count = idle.filter(([from, to]) => isLong(from, to)).length;
  const drawnCutMs = worked * Math.min(CUT_SHARE, ALL_CUTS_SHARE / count);
  const pieces: { startMs: number; endMs: number; drawnMs: number; isCut: boolean }[] = [];
  const add = (from: number, to: number, isIdle: boolean) => {
    if (to <= from) return;
    const isCut = isIdle && isLong(from, to);
    pieces.push({ startMs: from, endMs: to, drawnMs: isCut ? Math.max(drawnCutMs, 1) : to - from, isCut });
  };
  for (const [i, [from, to]] of idle.entries()) {
    add(from, to, true);
    const span = busy[i];
    if (span !== undefined) add(span.startMs, span.endMs, false);
  }
  const drawn = pieces.reduce((sum, piece) => sum + piece.drawnMs, 0) || 1;
  const places: number[] = [];
  let before = 0;
  for (const { drawnMs } of pieces) {
    places.push(before / drawn);
    before += drawnMs;
  }
  return {
    startMs,
    endMs,
    cuts: pieces.filter(({ isCut }) => isCut).map((piece) => ({ startMs: piece.startMs, endMs: piece.endMs })),
    placeOf(ms) {
      const index = lastAtMost(pieces.length, (i) => (pieces[i]?.startMs ?? 0) <= ms);
      const piece = pieces[index];
      if (piece === undefined) return 0;
      const share = Math.min(1, Math.max(0, (ms - piece.startMs) / (piece.endMs - piece.startMs)));
      return (places[index] ?? 0) + (share * piece.drawnMs) / drawn;
    },
    timeAt(place) {
      const index = lastAtMost(pieces.length, (i) => (places[i] ?? 0) <= place);
      const piece = pieces[index];
      if (piece === undefined) return startMs;
      const share = Math.min(1, Math.max(0, ((place - (places[index] ?? 0)) * drawn) / piece.drawnMs));
      return piece.startMs + share * (piece.endMs - piece.startMs);
    },
  };
}

/** @returns the last index that holds, 0 where none does; what holds comes before what does not. */
function lastAtMost(length: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The part of the scale that is shown: places. */
export interface Window {
  readonly from: number;
  readonly to: number;
}
export const WHOLE_WINDOW: Window = { from: 0, to: 1 };
const LEAST_WINDOW = 1e-5;

/** @returns a window around a place, `factor` times as wide, within the scale. */
export function zoomed({ from, to }: Window, factor: number, around = (from + to) / 2): Window {
  const width = Math.min(1, Math.max(LEAST_WINDOW, (to - from) * factor));
  const share = (around - from) / (to - from);
  const start = Math.min(1 - width, Math.max(0, around - share * width));
  return { from: start, to: start + width };
}

/** A zoom as URLs spell it: milliseconds since the beginning of the timeline, `12000-45000`. */
export function formatZoom(scale: TimeScale, { from, to }: Window): string | undefined {
  if (from <= 0 && to >= 1) return undefined;
  const offset = (place: number) => Math.round(scale.timeAt(place) - scale.startMs);
  return `${offset(from)}-${offset(to)}`;
}

export function parseZoom(scale: TimeScale, text: string | undefined): Window {
  const [, from, to] = /^(\d{1,12})-(\d{1,12})$/.exec(text ?? '') ?? [];
  if (from === undefined || to === undefined) return WHOLE_WINDOW;
  const window = { from: scale.placeOf(scale.startMs + Number(from)), to: scale.placeOf(scale.startMs + Number(to)) };
  return window.to - window.from < LEAST_WINDOW ? WHOLE_WINDOW : window;
}
