import type { OutputRecord } from './records.ts';

/** Where a line stands among all that its run or sandbox printed: they sort by these, in this order. */
export interface OutputPlace {
  readonly at: string;
  /** Empty: of no step. */
  readonly stepId: string;
  readonly seq: number;
  /** Empty: of no sandbox. */
  readonly sandboxId: string;
}

export function placeOf({ at = '', stepId = '', seq = 0, sandboxId = '' }: OutputRecord): OutputPlace {
  return { at, stepId, seq, sandboxId };
}

/** `2026-11-20T13:00:00.000Z,12,plan,sbx`: for requests, and for links to a line. */
export function formatPlace({ at, stepId, seq, sandboxId }: OutputPlace): string {
  const parts = [at, String(seq), encodeURIComponent(stepId), encodeURIComponent(sandboxId)];
  return parts.join(',').replace(/,+$/, '');
}

/** @returns undefined where the text is no place. */
export function parsePlace(text: string): OutputPlace | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}T[\d:.]{8,12}Z),(\d{1,16})(?:,([^,]*))?(?:,([^,]*))?$/.exec(text);
  if (match === null || Number.isNaN(Date.parse(match[1] as string))) return undefined;
  const [, at = '', seq, step = '', sandbox = ''] = match;
  try {
    const place = { at, stepId: decodeURIComponent(step), seq: Number(seq), sandboxId: decodeURIComponent(sandbox) };
    return `${place.stepId}${place.sandboxId}`.includes('\0') ? undefined : place;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** @returns below 0 where `a` stands before `b`; as the ledger sorts. */
export function comparePlaces(a: OutputPlace, b: OutputPlace): number {
  return (
    compareTexts(a.at, b.at) ||
    compareTexts(a.stepId, b.stepId) ||
    a.seq - b.seq ||
    compareTexts(a.sandboxId, b.sandboxId)
  );
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
