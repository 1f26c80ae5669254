import { z } from 'zod';
import { many, text, time } from './api.ts';

/** Scores by dimension, as runs carry them; the composite is their weighted average. */
export const QUALITY_DIMENSIONS = [
  'correctness',
  'typeSafety',
  'codeStyle',
  'testCoverage',
  'completeness',
  'composite',
] as const;
export type QualityDimension = (typeof QUALITY_DIMENSIONS)[number];

/** More than any panel can draw. */
const MAX_BUCKETS = 5_000;
const DAY_MS = 86_400_000;
const DEFAULT_RANGE_MS = 30 * DAY_MS;
const UNITS_MS = { m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS } as const;

const bucket = z
  .string()
  .regex(/^[1-9]\d{0,4}[mhdw]$/, 'expected a whole number of minutes, hours, days or weeks such as 30m, 6h, 1d or 1w')
  .transform((value) => Number(value.slice(0, -1)) * UNITS_MS[value.slice(-1) as keyof typeof UNITS_MS])
  .meta({ type: 'string' });

const scope = {
  source: many(text).optional().describe('Only these sources. Repeatable.'),
  project: many(text).optional().describe('Only these projects. Repeatable.'),
  workflow: many(text).optional().describe('Only these workflows. Repeatable.'),
};

export const qualityTrendQuery = z
  .strictObject({
    ...scope,
    persona: many(text).optional().describe('Only these personas. Repeatable.'),
    dimension: many(z.enum(QUALITY_DIMENSIONS))
      .optional()
      .describe('Only these dimensions. Repeatable; without it all.'),
    from: time.optional().describe('Runs that ended at this time or later (RFC 3339). Default: 30 days before `to`.'),
    to: time.optional().describe('Runs that ended before this time (RFC 3339). Default: now.'),
    bucket: bucket
      .prefault('1d')
      .describe(
        'Length of a bucket: `30m`, `6h`, `1d`, `1w`. Buckets begin at whole multiples of it, in UTC, from a Monday on.',
      ),
  })
  .superRefine((query, context) => {
    const { fromMs, toMs } = trendRange(query, Date.now());
    const refuse = (parameter: string, message: string) =>
      context.addIssue({ code: 'custom', path: [parameter], message });
    if (fromMs >= toMs) refuse('from', 'expected a time before to');
    else if ((toMs - fromMs) / query.bucket > MAX_BUCKETS)
      refuse('bucket', `expected at most ${MAX_BUCKETS} buckets between from and to; take longer ones`);
  });
export type QualityTrendQuery = z.output<typeof qualityTrendQuery>;

/** What is asked for, with the defaults of the moment. */
export function trendRange({ from, to }: { from?: string | undefined; to?: string | undefined }, nowMs: number) {
  const toMs = to === undefined ? nowMs : Date.parse(to);
  return { fromMs: from === undefined ? toMs - DEFAULT_RANGE_MS : Date.parse(from), toMs };
}

const points = z.number().min(0).max(100);
const figures = z.object({
  count: z.number().int().positive().describe('Evaluations with a score in this dimension.'),
  mean: points,
  median: points,
  min: points,
  max: points,
});

export const qualityTrendAnswer = z.object({
  from: time,
  to: time,
  bucketSeconds: z.number().int().positive(),
  data: z
    .array(
      z.object({
        start: time,
        evaluated: z.number().int().positive().describe('Evaluations of the bucket.'),
        belowBaseline: z.number().int().nonnegative().describe('Of these, so many were flagged.'),
        dimensions: z.partialRecord(z.enum(QUALITY_DIMENSIONS), figures),
      }),
    )
    .describe('Oldest first; a bucket without evaluations is absent, a dimension without scores too.'),
});
export type QualityTrendAnswer = z.output<typeof qualityTrendAnswer>;

export const baselinesQuery = z.strictObject(scope);
export type BaselinesQuery = z.output<typeof baselinesQuery>;

const baselineAnswer = z.object({
  source: z.string(),
  project: z.string().optional(),
  workflow: z.string().optional(),
  score: points.optional().describe('Absent while it is being made.'),
  how: z
    .enum(['computed', 'pinned', 'rebased'])
    .describe(
      'computed: of the first evaluated runs; rebased: of the first ones from `collectsFrom` on; pinned: by a person.',
    ),
  since: time.optional().describe('When it was fixed; absent while it is being made.'),
  collectsFrom: time.optional().describe('Of a rebased one: it is made of runs that ended at this time or later.'),
  runs: z
    .array(z.object({ runId: z.string(), attempt: z.number().int(), finishedAt: time, composite: points }))
    .describe('What it is made of, or will be as far as is known, in the order of time. None of a pinned one.'),
  wanted: z.number().int().positive().optional().describe('Of so many it will be made; absent once it is fixed.'),
  setBy: z.string().optional().describe('Who pinned or re-based it.'),
  reason: z.string().optional(),
});
export type BaselineAnswer = z.output<typeof baselineAnswer>;

export const baselinesAnswer = z.object({
  data: z.array(baselineAnswer),
  margin: z.number().describe('A run more than so many points below its baseline is flagged.'),
});
export type BaselinesAnswer = z.output<typeof baselinesAnswer>;
