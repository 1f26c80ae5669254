import type { Logger } from 'pino';
import { z } from 'zod';
import type { PollContext, PollPage, ProbeReport, PulledRecord, Source, SourceType } from '../source.ts';
import { SourceError } from '../source.ts';
import { storeDown } from '../storeDown.ts';
import { ArqQueues } from './arq/arqQueues.ts';
import { configSchema, type WorkflowLedgerConfig } from './config.ts';
import { LedgerRuns } from './ledgerRuns.ts';
import { probeWorkflowLedger } from './probe.ts';

/** During a long backfill of the tables the queues are looked at again after so long. */
const SAMPLE_EVERY_MS = 15_000;

/**
 * A platform with WorkflowRun and TaskRun tables in Postgres and arq workers on Redis. Either half may be left out of the
 * configuration; where both are there, each is read whether or not the other answers.
 */
export const workflowLedger: SourceType<WorkflowLedgerConfig> = {
  type: 'workflow-ledger',
  configSchema,
  create(_name: string, config: WorkflowLedgerConfig, log: Logger): Source {
    const runs = config.database_url === undefined ? undefined : new LedgerRuns(config.database_url, config, log);
    const queues = config.redis_url === undefined ? undefined : new ArqQueues(config.redis_url, config, log);

    async function* pollQueues(cursor: unknown, complete: boolean, context: PollContext): AsyncGenerator<PollPage> {
      if (queues === undefined) return;
      const { signal, countRequest } = context;
      yield { records: await queues.sample(signal, countRequest), cursor };
      for await (const records of queues.jobs(complete, signal, countRequest)) yield { records, cursor };
      if (runs === undefined) yield { records: [], cursor: QUEUES_READ };
    }

    async function* pollRuns(cursor: unknown, context: PollContext): AsyncGenerator<PollPage> {
      if (runs === undefined) return;
      const { signal, countRequest } = context;
      let sampledMs = performance.now();
      let last: PollPage | undefined;
      const startedMs = performance.now();
      await runs.database.read((query) => query('select 1'), signal, countRequest);
      yield { records: [storeUp('postgres', (performance.now() - startedMs) / 1000)], cursor };
      for await (const page of runs.poll(cursor ?? undefined, context)) {
        yield page;
        last = page;
        if (queues === undefined || performance.now() - sampledMs < SAMPLE_EVERY_MS) continue;
        sampledMs = performance.now();
        yield { records: await sampleOrDown(queues, context), cursor: last.cursor };
      }
    }

    return {
      async *poll(cursor: unknown, context: PollContext): AsyncGenerator<PollPage> {
        const failures: SourceError[] = [];
        const halves = [
          { store: 'redis', pages: pollQueues(cursor ?? null, !isLive(cursor), context), used: queues !== undefined },
          { store: 'postgres', pages: pollRuns(cursor ?? null, context), used: runs !== undefined },
        ].filter(({ used }) => used);
        for (const { store, pages } of halves) {
          try {
            yield* pages;
          } catch (error) {
            if (context.signal.aborted || !(error instanceof SourceError)) throw error;
            failures.push(error);
            // A wrong table is no fault of the server that answered.
            if (error.result !== 'schema') yield { records: [storeDown(store, error)], cursor: cursor ?? null };
          }
        }
        const [failure] = failures;
        if (failure === undefined) return;
        if (halves.length === 1) throw failure;
        throw new SourceError(failures.map(({ message }) => message).join('; '), {
          result: failure.result,
          partial: failures.length < halves.length,
          cause: failure,
        });
      },
      probe: (signal: AbortSignal): Promise<ProbeReport> => probeWorkflowLedger(config, runs, queues, signal),
      async close() {
        queues?.close();
        await runs?.database.close();
      },
    };
  },
};

function storeUp(store: string, latencySeconds: number): PulledRecord {
  return { kind: 'store', at: new Date().toISOString(), data: { store, up: true, latencySeconds } };
}

async function sampleOrDown(queues: ArqQueues, { signal, countRequest }: PollContext): Promise<PulledRecord[]> {
  try {
    return await queues.sample(signal, countRequest);
  } catch (error) {
    if (signal.aborted || !(error instanceof SourceError)) throw error;
    return [storeDown('redis', error)];
  }
}

/** Where there are no tables, this cursor says that the queues were read once. */
const QUEUES_READ = { queuesRead: true } as const;
const liveCursor = z.union([
  z.object({ rows: z.object({ phase: z.literal('live') }) }),
  z.object({ queuesRead: z.literal(true) }),
]);

/** The first complete poll is behind us. */
function isLive(cursor: unknown): boolean {
  return liveCursor.safeParse(cursor).success;
}
