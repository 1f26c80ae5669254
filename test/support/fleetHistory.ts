import type { PushedEvent } from './pushEvents.ts';

/** A small repeatable source of randomness (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

/**
 * Runs with steps, usage, output and jobs, free of contradictions: each event carries the labels of its run, and a run ends once.
 * `endMs`: when the last run ends, milliseconds. `prefix`: tells the runs of one history from those of another.
 */
export function fleetHistory(options: {
  source: string;
  runs: number;
  seed: number;
  endMs: number;
  prefix?: string;
}): PushedEvent[] {
  const { source, runs, seed, endMs, prefix = 'run' } = options;
  const random = seededRandom(seed);
  const events: PushedEvent[] = [];
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  for (let n = 0; n < runs; n++) {
    const runId = `${prefix}-${n}`;
    const labels = {
      project: pick(['web', 'api', 'docs']),
      workflow: pick(['build', 'fix']),
      persona: pick(['coder', 'tester']),
      trigger: pick(['user', 'schedule']),
    };
    const finished = endMs - Math.floor(random() * 60_000);
    const started = finished - 1_000 - Math.floor(random() * 500_000);
    const created = started - Math.floor(random() * 20_000);
    const iso = (ms: number) => new Date(ms).toISOString();
    const push = (id: string, kind: string, ms: number, data: Record<string, unknown>) =>
      events.push({ id: `${runId}:${id}`, source, kind, at: iso(ms), data });
    push('queued', 'run', created, { runId, ...labels, status: 'queued', createdAt: iso(created) });
    push('running', 'run', started, {
      runId,
      ...labels,
      status: 'running',
      createdAt: iso(created),
      startedAt: iso(started),
    });
    for (const stepId of ['design', 'check']) {
      push(`step-${stepId}`, 'step', finished - 500, {
        runId,
        stepId,
        role: stepId,
        status: 'succeeded',
        startedAt: iso(started),
        finishedAt: iso(finished - 500),
        ...(stepId === 'check' ? { verdict: { passed: random() < 0.8 } } : {}),
      });
      push(`usage-${stepId}`, 'usage', finished - 400, {
        usageId: `${runId}-${stepId}`,
        runId,
        project: labels.project,
        persona: labels.persona,
        service: 'anthropic',
        model: 'claude-sonnet',
        stepType: stepId,
        costUsd: Math.round(random() * 1e6) / 1e6,
        inputTokens: Math.floor(random() * 1e5),
        outputTokens: Math.floor(random() * 1e4),
      });
    }
    push('output', 'output', finished - 300, {
      runId,
      stepId: 'design',
      seq: 1,
      role: 'assistant',
      text: `worked on ${runId}`,
    });
    push('job', 'job', finished, {
      queue: 'runs',
      jobId: runId,
      enqueuedAt: iso(created),
      startedAt: iso(started),
      finishedAt: iso(finished),
      result: 'complete',
      tries: 1,
    });
    push('finished', 'run', finished, {
      runId,
      ...labels,
      status: random() < 0.8 ? 'succeeded' : 'failed',
      createdAt: iso(created),
      startedAt: iso(started),
      finishedAt: iso(finished),
      iterations: 1 + Math.floor(random() * 4),
      quality: { composite: Math.round(random() * 1000) / 10 },
    });
  }
  return events.sort((a, b) => (a.at < b.at ? -1 : 1));
}
