import type { DocumentFields } from './documentFields.ts';

export interface Span {
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** What the document says of its end where that lies before its beginning: two clocks that contradict each other. */
  readonly attributes: Readonly<Record<string, unknown>> | undefined;
}

/** Start and end, one of them from the duration where the document has no other word of it. */
export function readSpan(fields: DocumentFields, ended: boolean, createdAt?: string): Span {
  let startedAt = fields.instant('startedAt', 'startTime');
  let finishedAt = fields.instant('completedAt', 'finishedAt', 'endedAt', 'endTime');
  if ((startedAt === undefined) !== (finishedAt === undefined) && (ended || finishedAt !== undefined)) {
    const durationMs = fields.amount('durationMs', 'duration');
    if (durationMs !== undefined) {
      if (startedAt !== undefined) finishedAt = shift(startedAt, durationMs);
      else if (finishedAt !== undefined) startedAt = shift(finishedAt, -durationMs);
    }
  }
  const earliest = [startedAt, createdAt].filter((time) => time !== undefined).sort();
  if (finishedAt !== undefined && earliest.some((time) => finishedAt < time)) {
    return { startedAt, finishedAt: undefined, attributes: { contradictingEnd: finishedAt } };
  }
  return { startedAt, finishedAt, attributes: undefined };
}

function shift(time: string, ms: number): string {
  return new Date(Date.parse(time) + Math.round(ms)).toISOString();
}
