import type { ProbeReport } from '../source.ts';
import { SourceError } from '../source.ts';
import type { StatusWords } from '../statusWords.ts';
import type { TriggerDevConfig } from './config.ts';
import { mapQueue } from './mapQueue.ts';
import { mapRun } from './mapRun.ts';
import type { CallContext, TriggerApi } from './triggerApi.ts';

/** Looks at what the configuration assumes: that the key reads runs and queues, that statuses are known, that queues exist. */
export async function probeTriggerDev(
  api: TriggerApi,
  config: TriggerDevConfig,
  words: StatusWords,
  signal: AbortSignal,
): Promise<ProbeReport> {
  const found: string[] = [];
  const problems: string[] = [];
  let remaining: number | undefined;
  const context: CallContext = {
    signal,
    countRequest: () => {},
    quotaRemaining: (calls) => {
      remaining = calls;
    },
  };
  let reachable = false;
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
      reachable = true;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      reachable ||= error.result !== 'network';
      problems.push(error.message);
    }
  };
  const tasks = new Set<string>();
  await attempt(async () => {
    const { runs, next } = await api.runs({ from: new Date(Date.now() - config.history) }, context);
    found.push(`${next === undefined ? runs.length : `more than ${runs.length}`} runs in the history that is read`);
    for (const run of runs) {
      if (typeof run.taskIdentifier === 'string') tasks.add(run.taskIdentifier);
      if (typeof run.status === 'string' && !words.knows(run.status)) {
        problems.push(
          `run ${String(run.id)}: found the status ${run.status}, which is not known; it is shown as unknown`,
        );
      }
    }
    const [first] = runs;
    const mapped = first && mapRun(first, config, words);
    if (mapped === undefined) return;
    const detail = await api.run(mapped.id, context);
    if (detail === undefined) problems.push(`run ${mapped.id} is listed, but cannot be asked for`);
    else if (typeof detail.attemptCount !== 'number') {
      problems.push(`run ${mapped.id} tells no attemptCount: retries stay unknown; update the server to 4.x`);
    }
  });
  await attempt(async () => {
    const at = new Date().toISOString();
    const queues = (await api.queues(context)).flatMap((queue) => mapQueue(queue, at, undefined)?.data.queue ?? []);
    found.push(`${queues.length} queues`);
    for (const [task, queue] of Object.entries(config.queue_by_task)) {
      if (!queues.includes(queue)) {
        problems.push(
          `queue_by_task.${task}: found ${queue}, expected one of ${queues.slice(0, 20).join(', ') || 'the queues (there is none)'}`,
        );
      }
    }
    const without = [...tasks].filter((task) => !(task in config.queue_by_task) && !queues.includes(`task/${task}`));
    if (without.length > 0) {
      problems.push(
        `${without.join(', ')}: no queue of its own, so its runs wait in a declared one; name it under queue_by_task`,
      );
    }
  });
  if (remaining !== undefined) found.push(`${remaining} requests left in the rate-limit window`);
  return { reachable, found, problems };
}
