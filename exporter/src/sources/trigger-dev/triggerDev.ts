import type { Logger } from 'pino';
import type { PollContext, PollPage, ProbeReport, Source, SourceType } from '../source.ts';
import { SourceError } from '../source.ts';
import { StatusWords } from '../statusWords.ts';
import { configSchema, type TriggerDevConfig } from './config.ts';
import { TRIGGER_STATUSES } from './mapRun.ts';
import { isLive, pollRuns } from './pollRuns.ts';
import { probeTriggerDev } from './probe.ts';
import { QueueSamples } from './queueSamples.ts';
import { RunMemory } from './runMemory.ts';
import { TriggerApi } from './triggerApi.ts';

/** During a long backfill of runs the queues are looked at again after so long. */
const SAMPLE_EVERY_MS = 15_000;

/** Runs and queues of one environment of Trigger.dev, through its official SDK. */
export const triggerDev: SourceType<TriggerDevConfig> = {
  type: 'trigger-dev',
  configSchema,
  create(_name: string, config: TriggerDevConfig, log: Logger): Source {
    const api = new TriggerApi(config, log);
    const words = new StatusWords(TRIGGER_STATUSES, log);
    const memory = new RunMemory();
    const reading = { api, config, words, memory, unread: new Map() };
    const queues = new QueueSamples(api, memory);

    return {
      async *poll(cursor: unknown, context: PollContext): AsyncGenerator<PollPage> {
        let at = cursor ?? null;
        let sampledMs = performance.now();
        const failures: SourceError[] = [];
        // Whoever may not ask, or not now, need not ask for the other half.
        const passes = (error: unknown): error is SourceError =>
          !context.signal.aborted &&
          error instanceof SourceError &&
          !['auth', 'rate_limit', 'network'].includes(error.result);
        const caught = (error: unknown) => {
          if (!passes(error)) throw error;
          failures.push(error);
        };
        async function* sample(runsAreKnown: boolean): AsyncGenerator<PollPage> {
          const { records, committed } = await queues.sample(context, runsAreKnown);
          sampledMs = performance.now();
          if (records.length > 0) yield { records, cursor: at };
          committed();
        }
        let runsAreKnown = false;
        try {
          for await (const page of pollRuns(cursor ?? undefined, context, reading)) {
            yield page;
            at = page.cursor ?? null;
            if (isLive(at) || performance.now() - sampledMs < SAMPLE_EVERY_MS) continue;
            try {
              yield* sample(false);
            } catch (error) {
              // The sample after the runs says whether queues can be read.
              if (!passes(error)) throw error;
            }
          }
          // Runs of tasks that are not read wait in the same queues.
          runsAreKnown = config.tasks.length === 0;
        } catch (error) {
          caught(error);
        }
        try {
          yield* sample(runsAreKnown);
        } catch (error) {
          caught(error);
        }
        const [failure] = failures;
        if (failure === undefined) return;
        throw new SourceError(failures.map(({ message }) => message).join('; '), {
          result: failure.result,
          partial: failures.length < 2,
          cause: failure,
        });
      },
      probe: (signal: AbortSignal): Promise<ProbeReport> => probeTriggerDev(api, config, words, signal),
      close: async () => {},
    };
  },
};
