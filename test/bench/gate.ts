import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../support/waitFor.ts';
import { type Bed, createLedger, execute } from './bed.ts';
import { startExporter } from './exporterProcess.ts';
import { atLeast, atMost, count, type Figure, ms } from './figure.ts';
import type { GateLoadPlan, GateLoadResult } from './gateLoad.ts';
import { post } from './httpClient.ts';
import { runLoad } from './runLoad.ts';

const DATABASE = 'bench_gate';
const LOAD = fileURLToPath(new URL('./gateLoad.ts', import.meta.url));
const VIEWER = 'bench-viewer-0123456789abcdef';
const PER_SECOND = 1_000;

/** What the gate takes when launchers ask it a thousand times a second: alone, and while events are pushed at the same time. */
export async function benchGate(bed: Bed): Promise<Figure[]> {
  const url = await createLedger(bed.cluster, DATABASE);
  const exporter = await startExporter(url, {
    tokens: [
      { name: 'bench', role: 'ingest', token: 'bench-ingest-0123456789abcdef' },
      { name: 'launcher', role: 'viewer', token: VIEWER },
    ],
    budgets: {
      workspace_monthly_usd: 1_000_000_000,
      per_repo_daily_usd: 10,
      per_persona_run_usd: 1_000_000,
      actions_on_exceed: ['pause new sessions on the affected scope'],
    },
  });
  try {
    // Every second repository has used up its budget.
    const at = new Date().toISOString();
    const events = Array.from({ length: 50 }, (_, i) => ({
      ...{ id: `u${i}`, source: 'bench', kind: 'usage', at },
      data: { usageId: `u${i}`, project: `repo-${i * 2}`, costUsd: 11 },
    }));
    await post(`${exporter.url}/api/v1/events`, exporter.token, { events });
    await waitFor(
      async () => {
        const headers = { authorization: `Bearer ${VIEWER}` };
        const answer = await fetch(`${exporter.url}/api/v1/gate?project=repo-0`, { headers });
        return !((await answer.json()) as { allowed: boolean }).allowed;
      },
      { what: 'the gate to know what is paused' },
    );
    const seconds = bed.quick ? 2 : 20;
    const plan = { url: exporter.url, token: VIEWER, perSecond: PER_SECOND, seconds, connections: 50 };
    bed.say(`gate: ${count(PER_SECOND)} questions a second for ${seconds} s`);
    const alone = await ask(plan);
    bed.say('gate: the same while events are pushed');
    const pushing = runLoad({
      ...{ url: exporter.url, token: exporter.token, prefix: 'g', batch: 100, connections: 1 },
      runs: bed.quick ? 100 : 1_000,
    });
    const busy = await ask(plan);
    await pushing;
    return [...figures('alone', alone), ...figures('while events are pushed', busy, false)];
  } finally {
    await exporter.stop();
    await execute(bed.cluster, 'postgres', [`drop database if exists ${DATABASE} with (force)`]);
  }
}

function figures(how: string, { perSecond, p50, p99, max, answers, refused }: GateLoadResult, isGoal = true): Figure[] {
  return [
    {
      what: `p99 of the gate, ${how}`,
      value: ms(p99),
      against: `p50 ${ms(p50)}, max ${ms(max)}`,
      ...(isGoal ? { goal: atMost(p99, 10, ' ms') } : {}),
    },
    {
      what: `answers a second, ${how}`,
      value: count(Math.round(perSecond)),
      against: `${count(refused)} of ${count(answers)} refused`,
      ...(isGoal ? { goal: atLeast(perSecond, PER_SECOND * 0.99) } : {}),
    },
  ];
}

async function ask(plan: GateLoadPlan): Promise<GateLoadResult> {
  const child = fork(LOAD, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`bench: the load of the gate ended early (code ${code}); its error is above`);
    });
    child.send(plan);
    return await Promise.race([once(child, 'message').then(([message]) => message as GateLoadResult), ended]);
  } finally {
    child.kill('SIGKILL');
  }
}
