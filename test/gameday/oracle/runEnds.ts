import type { Point } from '../steps.ts';
import { LEGACY } from '../world.ts';
import { type EventHappening, LATE_MS, once, text, time } from './evidence.ts';

/** What is known of a run at its end, and when it is settled. */
export interface RunEnd {
  readonly at: number;
  readonly heardAt: number;
  readonly labels: { readonly source: string; readonly project: string; readonly workflow: string };
  readonly status: string;
  readonly isLate: boolean;
  readonly category: string | undefined;
  readonly composite: number | undefined;
  readonly thresholdMet: boolean | undefined;
  readonly noArtifacts: boolean;
  readonly usageMissing: boolean;
  readonly runId: string;
}

const labelCache = new WeakMap<readonly EventHappening[], Map<string, RunEnd['labels']>>();

/** Of all that was said of a run, what names it. */
function namesOfRuns(runs: readonly EventHappening[]): Map<string, RunEnd['labels']> {
  let names = labelCache.get(runs);
  if (names === undefined) {
    names = new Map();
    for (const { source, data } of runs) {
      if (data.project === undefined) continue;
      names.set(text(data.runId), { source, project: text(data.project), workflow: text(data.workflow) });
    }
    labelCache.set(runs, names);
  }
  return names;
}

export function runLabels(
  source: string,
  data: EventHappening['data'],
  runs: readonly EventHappening[],
): RunEnd['labels'] {
  return namesOfRuns(runs).get(text(data.runId)) ?? { source, project: '', workflow: '' };
}

export function projectOf(runId: string, runs: readonly EventHappening[]): string {
  return namesOfRuns(runs).get(runId)?.project ?? '';
}

export function runEnds(runs: readonly EventHappening[]): RunEnd[] {
  return runs.flatMap((event) => {
    const { data, source, at, saidAt } = event;
    if (data.finishedAt === undefined) return [];
    const quality = data.quality as { composite?: number; thresholdMet?: boolean } | undefined;
    const error = data.error as { category?: string } | undefined;
    return [
      {
        at: time(data.finishedAt),
        heardAt: at,
        labels: runLabels(source, data, runs),
        status: text(data.status),
        isLate: at - saidAt >= LATE_MS || source === LEGACY,
        category: error?.category,
        composite: quality?.composite,
        thresholdMet: quality?.thresholdMet,
        noArtifacts: Array.isArray(data.artifacts) && data.artifacts.length === 0,
        usageMissing: data.usageMissing === true,
        runId: text(data.runId),
      },
    ];
  });
}

/** Those that count as now: neither history nor cancelled, which neither worked nor failed. */
export function countedRuns(ends: readonly RunEnd[]): RunEnd[] {
  return ends.filter((end) => !end.isLate && end.status !== 'cancelled');
}

export function pointsOf(ends: readonly RunEnd[]): Point[] {
  return ends.map(({ at }) => once(at));
}
