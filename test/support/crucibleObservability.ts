/** The JSON that Int Crucible's RunService writes at the end of a run (crucible/services/run_service.py, utils/llm_usage.py). */

export type CruciblePhase = 'design' | 'scenarios' | 'evaluation' | 'ranking';

/** Usage of one phase, as aggregate_usage() sums it over the calls of the phase. */
export interface PhaseUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  readonly call_count: number;
  /** Absent where no provider gave a cost. */
  readonly cost_usd?: number;
  /** Calls by provider and by model. */
  readonly providers?: Readonly<Record<string, number>>;
  readonly models?: Readonly<Record<string, number>>;
}

export interface PhaseResult {
  readonly phase: CruciblePhase;
  readonly startedAt: Date;
  readonly durationSeconds: number;
  /** Absent where the provider gave no telemetry; never there for ranking. */
  readonly usage?: PhaseUsage;
  readonly resources?: Readonly<Record<string, number | null>>;
}

const NOTES = [
  'Counts derive from phase service outputs.',
  'LLM usage only appears when providers emit token telemetry.',
];

/** `metrics`: the phases that ended; a phase that failed is not in it. */
export function metricsPayload(phases: readonly PhaseResult[]) {
  return {
    phase_timings: Object.fromEntries(
      phases.map(({ phase, startedAt, durationSeconds }) => [
        phase,
        {
          started_at: naiveIsoTime(startedAt),
          completed_at: naiveIsoTime(new Date(startedAt.getTime() + durationSeconds * 1000)),
          duration_seconds: durationSeconds,
        },
      ]),
    ),
    resource_breakdown: Object.fromEntries(
      phases.map(({ phase, usage, resources }) => [phase, resources ?? { llm_calls: usage?.call_count ?? 0 }]),
    ),
    notes: NOTES,
  };
}

/** `llm_usage`: null where no phase has usage. Its total counts phases as calls and has no models, as the service's has. */
export function llmUsagePayload(phases: readonly PhaseResult[]) {
  const usages = phases.flatMap(({ phase, usage }) => (usage === undefined ? [] : [[phase, usage] as const]));
  if (usages.length === 0) return null;
  const sum = (field: 'input_tokens' | 'output_tokens' | 'total_tokens') =>
    usages.reduce((total, [, usage]) => total + usage[field], 0);
  const costs = usages.flatMap(([, { cost_usd }]) => (cost_usd === undefined ? [] : [cost_usd]));
  return {
    phases: Object.fromEntries(usages),
    total: {
      input_tokens: sum('input_tokens'),
      output_tokens: sum('output_tokens'),
      total_tokens: sum('total_tokens'),
      call_count: usages.length,
      ...(costs.length === 0 ? {} : { cost_usd: Number(costs.reduce((a, b) => a + b, 0).toFixed(6)) }),
    },
  };
}

/** Python's naive datetime.isoformat(): UTC without saying so, microseconds. */
function naiveIsoTime(time: Date): string {
  return `${time.toISOString().slice(0, -1)}000`;
}
