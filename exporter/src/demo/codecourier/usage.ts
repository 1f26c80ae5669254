import type { Random } from '../random.ts';
import { dateOf, type Story } from '../story.ts';
import { type Model, ROLE_WORK, type Role } from './fleet.ts';

/** E2B bills vCPU and memory by the second: 2 vCPU and 4 GiB. */
const SANDBOX_USD_PER_SECOND = 0.000_046;
/** Trigger.dev, a medium machine. */
const TASK_USD_PER_SECOND = 0.000_085;
const CONVEX_USD_PER_CALL = 0.000_002;
/** Read from the prompt cache at a tenth of the price of input, written at a quarter more (Anthropic's list prices). */
const CACHE_READ_PRICE = 0.1;
const CACHE_WRITE_PRICE = 1.25;

/** What a run used so far. */
export interface Spent {
  costUsd: number;
  inputTokens: number;
  outputTokens: number;
}

export interface UsageScope {
  readonly project: string;
  readonly runId: string;
  readonly sandboxId: string;
  readonly chainId?: string | undefined;
  readonly issueSessionId?: string | undefined;
}

/** Six decimals of a dollar: what platforms keep. */
export function roundUsd(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}

/** Tells the usage of one step and adds it to what the run spent. `share`: how far the step came. */
export function tellStepUsage(
  story: Story,
  random: Random,
  scope: UsageScope,
  step: {
    readonly stepId: string;
    readonly role: Role;
    readonly model: Model;
    readonly seconds: number;
    readonly endMs: number;
  },
  share: number,
  spent: Spent,
): Spent {
  const work = ROLE_WORK[step.role];
  const inputTokens = Math.round(random.logNormal(work.input, 0.45) * share) + 200;
  const outputTokens = Math.round(random.logNormal(work.output, 0.4) * share) + 20;
  const cacheReadTokens = Math.round(inputTokens * random.between(0.68, 0.9));
  const cacheWriteTokens = Math.round((inputTokens - cacheReadTokens) * random.between(0.3, 0.6));
  const fresh = inputTokens - cacheReadTokens - cacheWriteTokens;
  const reasoningTokens =
    step.model.service === 'openai' ? Math.round(outputTokens * random.between(0.2, 0.5)) : undefined;
  const { inputUsd, outputUsd } = step.model;
  const costUsd = roundUsd(
    ((fresh + cacheReadTokens * CACHE_READ_PRICE + cacheWriteTokens * CACHE_WRITE_PRICE) * inputUsd +
      outputTokens * outputUsd) /
      1e6,
  );
  story.tell('usage', step.endMs, `usage/${step.stepId}`, {
    usageId: `usage_${step.stepId}`,
    ...scope,
    stepId: step.stepId,
    persona: step.role,
    service: step.model.service,
    date: dateOf(step.endMs),
    quantity: outputTokens,
    unit: 'output_tokens',
    costUsd,
    tool: step.model.tool,
    model: step.model.name,
    stepType: step.role,
    inputTokens,
    outputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    reasoningTokens,
    durationSeconds: step.seconds,
  });
  spent.costUsd = roundUsd(spent.costUsd + costUsd);
  spent.inputTokens += inputTokens;
  spent.outputTokens += outputTokens;
  return { costUsd, inputTokens, outputTokens };
}

/** Tells what the machines of an attempt cost: the sandbox, the task that drove it, and for some the database. */
export function tellMachineUsage(
  story: Story,
  random: Random,
  scope: UsageScope,
  attempt: { readonly number: number; readonly seconds: number; readonly endMs: number },
  spent: Spent,
): void {
  const seconds = Math.max(1, Math.round(attempt.seconds));
  const calls = random.integer(60, 900);
  const rows = [
    ['e2b', 'sandbox_seconds', seconds, seconds * SANDBOX_USD_PER_SECOND],
    ['trigger_dev', 'compute_seconds', seconds + 4, (seconds + 4) * TASK_USD_PER_SECOND],
    ...(random.chance(0.3) ? ([['convex', 'function_calls', calls, calls * CONVEX_USD_PER_CALL]] as const) : []),
  ] as const;
  for (const [service, unit, quantity, usd] of rows) {
    const costUsd = roundUsd(usd);
    const id = `${scope.runId}/${attempt.number}/${service}`;
    story.tell('usage', attempt.endMs, `usage/${id}`, {
      usageId: `usage_${id}`,
      ...scope,
      service,
      date: dateOf(attempt.endMs),
      quantity,
      unit,
      costUsd,
      durationSeconds: seconds,
    });
    spent.costUsd = roundUsd(spent.costUsd + costUsd);
  }
}
