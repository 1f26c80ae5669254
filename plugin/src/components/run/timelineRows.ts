import { isOpen } from '@contract/status.ts';
import type { Listed } from '../../api/FleetApi';
import type { Step } from './orderSteps';

/** What stands in a line of the timeline. */
export type TimelineRow = WaitRow | GroupRow | StepRow;

interface Line {
  /** Unique in the timeline. */
  readonly id: string;
  /** 1, or 2 below a group. */
  readonly level: 1 | 2;
  readonly startMs: number | undefined;
  /** Of what is still going on: now. */
  readonly endMs: number | undefined;
}

/** Time that nothing worked in: before the start, and before each further attempt. */
interface WaitRow extends Line {
  readonly kind: 'wait';
  /** Absent: the wait in the queue. */
  readonly beforeAttempt?: number;
}

/** The steps of an iteration, or of an attempt that has none. */
export interface GroupRow extends Line {
  readonly kind: 'group';
  readonly attempt: number | undefined;
  readonly iteration: number | undefined;
  readonly steps: readonly Step[];
}

interface StepRow extends Line {
  readonly kind: 'step';
  readonly step: Step;
  readonly parent: string | undefined;
}

export const rowIdOf = (stepId: string) => `step ${stepId}`;

const OPEN_STEP = (step: Step) => step.startedAt !== undefined && isOpen(step.status);

function spanOf(step: Step, nowMs: number): { startMs: number | undefined; endMs: number | undefined } {
  const startMs = step.startedAt === undefined ? undefined : Date.parse(step.startedAt);
  if (step.finishedAt !== undefined) return { startMs, endMs: Date.parse(step.finishedAt) };
  return { startMs, endMs: OPEN_STEP(step) ? nowMs : startMs };
}

/** @returns seconds that a step worked so far; undefined where that is unknown. */
export function durationOf(step: Step, nowMs: number): number | undefined {
  if (step.startedAt === undefined || (step.finishedAt === undefined && !OPEN_STEP(step))) return undefined;
  const { startMs = nowMs, endMs = nowMs } = spanOf(step, nowMs);
  return Math.max(0, endMs - startMs) / 1000;
}

/**
 * The lines of a run: its wait in the queue, then its steps in order, below their iteration (and attempt) where there are several,
 * and what was waited before another attempt.
 */
export function timelineRows(run: Listed<'run'>, ordered: readonly Step[], nowMs: number): TimelineRow[] {
  const rows: TimelineRow[] = [];
  const queued = queueWaitOf(run, ordered, nowMs);
  if (queued !== undefined) rows.push({ kind: 'wait', id: 'wait', level: 1, ...queued });
  const attempts = new Set(ordered.map(({ attempt }) => attempt ?? 1));
  const iterations = new Set(ordered.flatMap(({ iteration }) => iteration ?? []));
  const groups = new Map<string, { row: GroupRow; steps: Step[] }>();
  const placed: (TimelineRow | { steps: Step[]; row: GroupRow })[] = [];
  let attemptSoFar = ordered[0]?.attempt ?? 1;
  let endSoFarMs: number | undefined;
  for (const step of ordered) {
    const span = spanOf(step, nowMs);
    const attempt = step.attempt ?? 1;
    if (attempt !== attemptSoFar) {
      placed.push({
        kind: 'wait',
        id: `wait ${attempt}`,
        level: 1,
        startMs: endSoFarMs,
        endMs: span.startMs,
        beforeAttempt: attempt,
      });
      attemptSoFar = attempt;
    }
    endSoFarMs = Math.max(endSoFarMs ?? 0, span.endMs ?? 0) || undefined;
    const ofAttempt = attempts.size > 1 ? attempt : undefined;
    const ofIteration = iterations.size > 1 ? step.iteration : undefined;
    if (ofAttempt === undefined && ofIteration === undefined) {
      placed.push({ kind: 'step', id: rowIdOf(step.stepId), level: 1, step, parent: undefined, ...span });
      continue;
    }
    const id = `group ${ofAttempt ?? ''} ${ofIteration ?? ''}`;
    let group = groups.get(id);
    if (group === undefined) {
      const steps: Step[] = [];
      group = {
        steps,
        row: { kind: 'group', id, level: 1, attempt: ofAttempt, iteration: ofIteration, steps, startMs: 0, endMs: 0 },
      };
      groups.set(id, group);
      placed.push(group);
    }
    group.steps.push(step);
  }
  for (const item of placed) {
    if ('kind' in item) {
      rows.push(item);
      continue;
    }
    const below = item.steps.map(
      (step): StepRow => ({
        kind: 'step',
        id: rowIdOf(step.stepId),
        level: 2,
        step,
        parent: item.row.id,
        ...spanOf(step, nowMs),
      }),
    );
    rows.push({ ...item.row, startMs: least(below.map(startOf)), endMs: most(below.map(endOf)) }, ...below);
  }
  return rows;
}

const startOf = ({ startMs }: Line) => startMs;
const endOf = ({ endMs }: Line) => endMs;

function least(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((found, value) => (found === undefined || (value ?? found) < found ? value : found), undefined);
}

function most(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((found, value) => (found === undefined || (value ?? found) > found ? value : found), undefined);
}

/** From creation to start: that of the run, else that of its first step. */
function queueWaitOf(
  run: Listed<'run'>,
  [first]: readonly Step[],
  nowMs: number,
): { startMs: number; endMs: number } | undefined {
  if (run.createdAt === undefined) return undefined;
  const startMs = Date.parse(run.createdAt);
  const started = run.startedAt ?? first?.startedAt;
  if (started === undefined) return run.status === 'queued' ? { startMs, endMs: nowMs } : undefined;
  const endMs = Date.parse(started);
  return endMs > startMs ? { startMs, endMs } : undefined;
}

/** How the time of a run divides: seconds. */
export interface TimeShares {
  readonly queued: number | undefined;
  /** Some step worked. */
  readonly working: number;
  /** Between the first and the last step, when none worked and no retry was waited for. */
  readonly idle: number;
  /** Waited before further attempts. */
  readonly retrying: number;
}

export function timeShares(rows: readonly TimelineRow[]): TimeShares {
  const waits = rows.filter((row) => row.kind === 'wait');
  const busy = busyIntervals(rows);
  const working = busy.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  const lengthOf = ({ startMs, endMs }: Line) =>
    startMs === undefined || endMs === undefined ? 0 : Math.max(0, endMs - startMs);
  const queue = waits.find(({ beforeAttempt }) => beforeAttempt === undefined);
  const retrying = waits.reduce((sum, row) => sum + (row.beforeAttempt === undefined ? 0 : lengthOf(row)), 0);
  const whole = (busy.at(-1)?.endMs ?? 0) - (busy[0]?.startMs ?? 0);
  return {
    queued: queue && lengthOf(queue) / 1000,
    working: working / 1000,
    idle: Math.max(0, whole - working - retrying) / 1000,
    retrying: retrying / 1000,
  };
}

/** When some step worked: in order, without overlaps. */
export function busyIntervals(rows: readonly TimelineRow[]): { startMs: number; endMs: number }[] {
  const spans = rows
    .flatMap((row) =>
      row.kind === 'step' && row.startMs !== undefined
        ? [{ startMs: row.startMs, endMs: Math.max(row.startMs, row.endMs ?? row.startMs) }]
        : [],
    )
    .sort((a, b) => a.startMs - b.startMs);
  const joined: { startMs: number; endMs: number }[] = [];
  for (const span of spans) {
    const last = joined.at(-1);
    if (last !== undefined && span.startMs <= last.endMs) last.endMs = Math.max(last.endMs, span.endMs);
    else joined.push({ ...span });
  }
  return joined;
}
