import type { BudgetScope } from '../../exporter/src/contract/budgets.ts';
import type { ErrorCategory, Kind } from '../../exporter/src/contract/records.ts';
import type { Random } from '../../exporter/src/demo/random.ts';
import type { Happening } from './timeline.ts';
import { type AdapterResult, MINUTE_MS, type Project, QUEUE } from './world.ts';

const iso = (ms: number) => new Date(ms).toISOString();

export interface RunPlan {
  readonly startMs: number;
  /** Absent: it goes on until the end of the month. */
  readonly durationMs?: number;
  readonly status?: 'succeeded' | 'failed' | 'timed_out' | 'cancelled';
  readonly workflow?: string | undefined;
  readonly persona?: string;
  readonly error?: { readonly category: ErrorCategory; readonly message?: string };
  readonly costUsd?: number;
  /** Composite score and whether it meets its threshold. */
  readonly quality?: { readonly composite: number; readonly thresholdMet: boolean };
  /** It leaves no artifacts directory. */
  readonly noArtifacts?: boolean;
  /** Its source tells no usage. */
  readonly usageMissing?: boolean;
  /** When somebody acknowledges its failure. */
  readonly acknowledgedMs?: number;
  readonly pullRequest?: Readonly<Record<string, unknown>>;
}

/** Collects what happens in one story. Records are those that the platforms' sources make. */
export class Script {
  readonly happenings: Happening[] = [];
  readonly random: Random;
  readonly #name: string;
  #count = 0;

  constructor(name: string, random: Random) {
    this.#name = name;
    this.random = random;
  }

  id(kind: string): string {
    return `${this.#name}-${kind}-${this.#count++}`;
  }

  /** @param saidAt when it happened by the sender; default: `at`, from which it takes a second or so to the exporter */
  event(at: number, source: string, kind: Kind, data: Readonly<Record<string, unknown>>, saidAt = at): void {
    const delay = this.random.integer(50, 1_500);
    this.happenings.push({ what: 'event', at: at + delay, source, kind, saidAt, data });
  }

  run(of: Project, plan: RunPlan): { readonly runId: string; readonly endMs: number } {
    const { source, project } = of;
    const { startMs, durationMs, status = 'succeeded', error, costUsd = this.random.between(0.05, 0.6) } = plan;
    const runId = this.id('run');
    const workflow = plan.workflow ?? this.random.pick(of.workflows);
    const persona = plan.persona ?? this.random.pick(of.personas);
    const names = { runId, project, workflow, persona };
    this.event(startMs, source, 'run', {
      ...names,
      origin: 'workflow',
      provider: 'anthropic',
      status: 'running',
      createdAt: iso(startMs),
      startedAt: iso(startMs),
      attempts: 1,
    });
    if (durationMs === undefined) return { runId, endMs: Number.POSITIVE_INFINITY };
    const endMs = startMs + durationMs;
    this.event(endMs, source, 'run', {
      ...names,
      status,
      finishedAt: iso(endMs),
      ...(error === undefined ? {} : { error: { surface: 'run', message: 'it failed', ...error } }),
      ...(plan.quality === undefined ? {} : { quality: plan.quality }),
      ...(plan.pullRequest === undefined ? {} : { pullRequest: plan.pullRequest }),
      ...(plan.noArtifacts === undefined ? {} : { artifacts: plan.noArtifacts ? [] : [{ name: 'log.txt' }] }),
      ...(plan.usageMissing === true ? { usageMissing: true } : {}),
    });
    if (plan.usageMissing !== true)
      this.event(endMs + 2_000, source, 'usage', {
        usageId: this.id('usage'),
        project,
        runId,
        persona,
        service: 'anthropic',
        model: 'sonnet',
        costUsd: Math.round(costUsd * 1e6) / 1e6,
        inputTokens: 12_000,
        outputTokens: 900,
      });
    if (plan.acknowledgedMs !== undefined) this.acknowledgeRun(of, runId, plan.acknowledgedMs);
    return { runId, endMs };
  }

  acknowledgeRun({ source }: Project, runId: string, at: number): void {
    this.event(at, source, 'run', { runId, acknowledgedAt: iso(at), acknowledgedBy: 'on-call' });
  }

  usage(
    { source, project }: Project,
    at: number,
    costUsd: number,
    of: { runId?: string; persona?: string } = {},
  ): void {
    this.event(at, source, 'usage', {
      usageId: this.id('usage'),
      project,
      ...of,
      service: 'anthropic',
      model: 'opus',
      costUsd,
    });
  }

  errors(source: string, component: string, from: number, to: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.random.between(from, to);
      this.event(at, source, 'platformError', {
        errorId: this.id('error'),
        component,
        level: 'error',
        message: 'broken',
        at: iso(at),
      });
    }
  }

  adapter(source: string, adapter: string, at: number, result: AdapterResult, count: number): void {
    if (count > 0) this.event(at, source, 'adapter', { adapter, result, count, at: iso(at), eventId: this.id('call') });
  }

  rateLimited(source: string, at: number, layer: 'ip' | 'repo', project: string | undefined, count = 1): void {
    this.event(at, source, 'rateLimit', {
      layer,
      ...(project === undefined ? {} : { project }),
      limited: true,
      count,
      at: iso(at),
      eventId: this.id('limit'),
    });
  }

  queue(source: string, at: number, due: number, more: Readonly<Record<string, unknown>> = {}): void {
    this.event(at, source, 'queue', {
      queue: QUEUE,
      at: iso(at),
      due,
      deferred: 0,
      inProgress: 0,
      workers: 2,
      oldestDueAt: due === 0 ? null : iso(at - MINUTE_MS),
      ...more,
    });
  }

  /** A job that waits `waitMs` and then takes `durationMs`; without the latter it is not finished. */
  job(source: string, enqueuedMs: number, waitMs?: number, durationMs = 4_000): string {
    const jobId = this.id('job');
    this.event(enqueuedMs, source, 'job', { queue: QUEUE, jobId, enqueuedAt: iso(enqueuedMs) });
    if (waitMs !== undefined) this.jobDone(source, jobId, enqueuedMs, enqueuedMs + waitMs, durationMs);
    return jobId;
  }

  jobDone(source: string, jobId: string, enqueuedMs: number, startedMs: number, durationMs = 4_000): void {
    const endMs = startedMs + durationMs;
    this.event(endMs, source, 'job', {
      queue: QUEUE,
      jobId,
      enqueuedAt: iso(enqueuedMs),
      startedAt: iso(startedMs),
      finishedAt: iso(endMs),
      result: 'complete',
      tries: 1,
    });
  }

  acknowledgeBudget(at: number, scope: BudgetScope, subject: string): void {
    this.happenings.push({ what: 'acknowledge', at, scope, subject });
  }
}
