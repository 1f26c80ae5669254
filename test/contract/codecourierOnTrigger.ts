import { API_KEY, RestServer } from './codecourier/restServer.ts';
import { makeWeek } from './codecourier/world.ts';
import { RequestQuota } from './requestQuota.ts';
import { TriggerDevServer, triggerRun } from './trigger-dev/triggerDevServer.ts';

/** What Trigger.dev allows. CodeCourier says nothing of a limit, so the same is taken for it. */
const REQUESTS_PER_MINUTE = 1_500;
/** One run in so many was retried once. */
const RETRIED_EVERY = 10;

export interface CodecourierOnTrigger extends AsyncDisposable {
  readonly codecourier: RestServer;
  readonly trigger: TriggerDevServer;
  /** `sources` of an exporter that reads both. */
  readonly sources: readonly object[];
  /** Requests that a limit refused. */
  refused(): number;
  readonly expected: { readonly finished: number; readonly jobs: number; readonly retried: number };
}

/** A week of a CodeCourier project, and the runs of Trigger.dev that executed its runs. Both limit requests. */
export async function startCodecourierOnTrigger(runs: number): Promise<CodecourierOnTrigger> {
  const week = makeWeek(runs, Date.now() - 3_600_000);
  const quotas = [new RequestQuota(REQUESTS_PER_MINUTE), new RequestQuota(REQUESTS_PER_MINUTE)] as const;
  const codecourier = new RestServer(week, { quota: quotas[0] });
  const trigger = await TriggerDevServer.start();
  trigger.quota = quotas[1];
  for (const [index, run] of week.runs.entries()) {
    const iso = (field: string) => new Date(Number(run[field])).toISOString();
    const failed = run.status === 'failed';
    trigger.putRun(
      triggerRun({
        id: String(run.triggerRunId),
        status: failed ? 'FAILED' : 'COMPLETED',
        createdAt: iso('_creationTime'),
        startedAt: iso('startedAt'),
        finishedAt: iso('completedAt'),
        attemptCount: index % RETRIED_EVERY === 0 ? 2 : 1,
        costInCents: 0.5,
        durationMs: 60_000,
        ...(failed && { error: { message: 'Timeout exceeded' } }),
      }),
    );
  }
  trigger.putQueue({
    id: 'queue_1',
    name: 'codecourier-run',
    type: 'task',
    running: 0,
    queued: 0,
    paused: false,
    concurrencyLimit: 10,
  });
  const base_url = `${await codecourier.listen()}/api/v1`;
  return {
    codecourier,
    trigger,
    sources: [
      { name: 'codecourier', type: 'codecourier', api: 'rest', base_url, api_key: API_KEY },
      {
        name: 'trigger',
        type: 'trigger-dev',
        base_url: trigger.http.url,
        api_key: trigger.key,
        runs_of: 'codecourier',
      },
    ],
    refused: () => quotas[0].refused + quotas[1].refused,
    expected: { finished: runs, jobs: runs, retried: Math.ceil(runs / RETRIED_EVERY) },
    async [Symbol.asyncDispose]() {
      await codecourier.close();
      await trigger[Symbol.asyncDispose]();
    },
  };
}
