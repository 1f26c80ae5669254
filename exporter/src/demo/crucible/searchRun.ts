import type { ErrorCategory } from '../../contract/records.ts';
import { SECOND } from '../calendar.ts';
import { failureOf } from '../failures.ts';
import type { Random } from '../random.ts';
import { dateOf, instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { MODES, PHASE_LINES, PHASES, type Phase, TOPICS } from './topics.ts';

const MODELS = [
  { name: 'claude-sonnet-4-6', service: 'anthropic', inputUsd: 3, outputUsd: 15 },
  { name: 'gpt-5-mini', service: 'openai', inputUsd: 0.25, outputUsd: 2 },
] as const;
/** Prompt and answer tokens of one model call, medians. */
const CALL_TOKENS = { input: 1_500, output: 320 };

function roundUsd(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}

/** Tells a run of a search for solutions: its phases, what it counted, and (where the provider says so) what it used. */
export function tellSearchRun(world: World, story: Story, runId: string, createdMs: number): void {
  const random = world.random('crucible run', runId);
  const [project, question] = random.pick(TOPICS);
  const mode = random.weighted(MODES.map((m) => [m, m.share] as const));
  const model = random.weighted<(typeof MODELS)[number]>([
    [MODELS[0], 7],
    [MODELS[1], 3],
  ] as const);
  const metered = random.chance(0.87);
  const candidates = random.integer(4, 12);
  const scenarios = random.integer(5, 14);
  const counts = { candidates, scenarios, evaluations: candidates * scenarios };
  const made: Readonly<Record<Phase, number>> = {
    design: candidates,
    scenarios,
    evaluation: counts.evaluations,
    ranking: random.integer(1, 3),
  };

  story.tell('run', createdMs, `${runId}/created`, {
    runId,
    project,
    name: question,
    origin: 'other',
    trigger: random.chance(0.7) ? 'user' : 'api',
    workflow: mode.name,
    model: model.name,
    provider: model.service,
    promptPreview: question,
    prompt: `${question}. Search candidates, imagine what can go wrong, and rank what survives.`,
    config: { mode: mode.name, num_candidates: candidates, num_scenarios: scenarios },
    status: 'queued',
    rawStatus: 'CREATED',
    createdAt: instantOf(createdMs),
    attempts: 1,
  });
  const startMs = Math.round(createdMs + random.logNormal(3 * SECOND, 0.6));
  story.tell('run', startMs, `${runId}/running`, {
    runId,
    status: 'running',
    rawStatus: 'RUNNING',
    startedAt: instantOf(startMs),
  });

  const phases = PHASES.filter((phase) => mode.seconds[phase] !== undefined);
  const fate = decideFate(world, random, model.service, startMs);
  const breaksAt = fate === 'work' ? -1 : random.integer(0, phases.length - 1);
  const spent = { costUsd: 0, inputTokens: 0, outputTokens: 0 };
  const calls: Partial<Record<Phase, number>> = {};
  let ms = startMs + 200;
  for (const [index, phase] of phases.entries()) {
    const broken = index === breaksAt;
    const seconds =
      Math.min(5400, random.logNormal(mode.seconds[phase] ?? 60, 0.4)) * (broken ? random.between(0.2, 0.9) : 1);
    const stepId = `${runId}.${phase}`;
    const endMs = Math.round(ms + seconds * SECOND);
    const identity = { runId, stepId, index, name: phase, role: phase, model: model.name, attempt: 1 };
    story.tell('step', ms, `${stepId}/running`, {
      ...identity,
      status: 'running',
      rawStatus: 'RUNNING',
      startedAt: instantOf(ms),
    });
    tellPhaseOutput(world, story, runId, stepId, phase, made[phase], ms, endMs);
    calls[phase] = Math.max(
      1,
      Math.round((phase === 'evaluation' ? counts.evaluations : made[phase]) * (broken ? 0.4 : 1)),
    );
    if (metered)
      tellPhaseUsage(
        story,
        random,
        { project, runId, stepId, phase, calls: calls[phase], endMs, seconds },
        model,
        spent,
      );
    const error =
      broken && fate !== 'cancel' && fate !== 'work' ? failureOf(random, 'run', fate, phase, stepId) : undefined;
    const status =
      error === undefined
        ? broken
          ? 'cancelled'
          : 'succeeded'
        : error.category === 'timeout'
          ? 'timed_out'
          : 'failed';
    const word = { succeeded: 'COMPLETED', cancelled: 'CANCELLED', failed: 'FAILED', timed_out: 'FAILED' }[status];
    story.tell('step', endMs, `${stepId}/finished`, {
      ...identity,
      status,
      rawStatus: word,
      finishedAt: instantOf(endMs),
      error: error === undefined ? undefined : { ...error, surface: 'step' },
    });
    ms = endMs + 150;
    if (!broken && index < phases.length - 1) continue;
    story.tell('run', ms, `${runId}/finished`, {
      runId,
      status,
      rawStatus: word,
      finishedAt: instantOf(ms),
      counts: broken ? { ...counts, evaluations: Math.floor(counts.evaluations * random.next()) } : counts,
      resourceBreakdown: { llm_calls: calls, retries: random.integer(0, 3) },
      notes: random.chance(0.2) ? ['two scenarios were rejected by the schema check and written again'] : [],
      error,
      usageMissing: !metered,
      ...(metered ? spent : {}),
    });
    return;
  }
}

function decideFate(world: World, random: Random, service: string, ms: number): 'work' | 'cancel' | ErrorCategory {
  if (world.incidents.at('rate_limit_storm', ms, service) && random.chance(0.5)) return 'rate_limit';
  return random.weighted<'work' | 'cancel' | ErrorCategory>([
    ['work', 915],
    ['cancel', 25],
    ['timeout', 15],
    ['validation', 20],
    ['rate_limit', 12],
    ['out_of_memory', 5],
    ['other', 8],
  ]);
}

function tellPhaseUsage(
  story: Story,
  random: Random,
  of: { project: string; runId: string; stepId: string; phase: Phase; calls: number; endMs: number; seconds: number },
  model: (typeof MODELS)[number],
  spent: { costUsd: number; inputTokens: number; outputTokens: number },
): void {
  const inputTokens = Math.round(of.calls * random.logNormal(CALL_TOKENS.input, 0.2));
  const outputTokens = Math.round(of.calls * random.logNormal(CALL_TOKENS.output, 0.2));
  const costUsd = roundUsd((inputTokens * model.inputUsd + outputTokens * model.outputUsd) / 1e6);
  story.tell('usage', of.endMs, `usage/${of.stepId}`, {
    usageId: `usage_${of.stepId}`,
    project: of.project,
    runId: of.runId,
    stepId: of.stepId,
    service: model.service,
    date: dateOf(of.endMs),
    quantity: outputTokens,
    unit: 'output_tokens',
    costUsd,
    model: model.name,
    stepType: of.phase,
    inputTokens,
    outputTokens,
    durationSeconds: Math.round(of.seconds),
  });
  spent.costUsd = roundUsd(spent.costUsd + costUsd);
  spent.inputTokens += inputTokens;
  spent.outputTokens += outputTokens;
}

/** One line at the end of a phase; live, also how many pairs have been evaluated so far. */
function tellPhaseOutput(
  world: World,
  story: Story,
  runId: string,
  stepId: string,
  phase: Phase,
  made: number,
  fromMs: number,
  toMs: number,
): void {
  const lastSeq = 1_000;
  const tell = (to: Story, ms: number, seq: number, role: 'assistant' | 'stdout', text: string) =>
    to.tell('output', ms, `out/${stepId}/${seq}`, {
      runId,
      stepId,
      seq,
      at: instantOf(ms),
      role,
      text,
      state: 'completed',
    });
  tell(story, toMs - 20, lastSeq, 'assistant', PHASE_LINES[phase].replace('{n}', String(made)));
  if (!world.fine) return;
  const steps = Math.min(lastSeq - 1, Math.floor((toMs - fromMs) / (12 * SECOND)));
  story.later(fromMs, toMs, `out/${stepId}/fine`, (live) => {
    for (let i = 1; i < steps; i++) {
      const done = Math.floor((made * i) / steps);
      tell(
        live,
        fromMs + ((toMs - fromMs) * i) / steps,
        i,
        'stdout',
        `[${phase}] ${done}/${made} \u001b[2m(${Math.round((100 * i) / steps)}%)\u001b[0m\n`,
      );
    }
  });
}
