import type { Logger } from 'pino';
import { infoNumber, infoText } from '../../redis/infoFields.ts';
import { RedisConnection } from '../../redis/redisConnection.ts';
import { defined } from '../../rows/textValues.ts';
import type { PulledRecord, SourceResult } from '../../source.ts';
import type { WorkflowLedgerConfig } from '../config.ts';
import { ArqJobs } from './arqJobs.ts';
import { sampleQueue } from './sampleQueue.ts';

type QueueConfig = Pick<WorkflowLedgerConfig, 'queues' | 'jobs_from' | 'scan_keys'>;

/** The arq queues of one Redis, with the Redis itself as a store. */
export class ArqQueues {
  readonly redis: RedisConnection;
  readonly #config: QueueConfig;
  readonly #jobs: ArqJobs;

  constructor(redisUrl: string, config: QueueConfig, log: Logger) {
    this.redis = new RedisConnection(redisUrl, log);
    this.#config = config;
    this.#jobs = new ArqJobs(config.queues, config.scan_keys, log);
  }

  /** How each queue stands now, and how the store does. @throws SourceError */
  async sample(signal: AbortSignal, countRequest: (result: SourceResult) => void): Promise<PulledRecord[]> {
    return this.redis.use(
      async (redis) => {
        const records: PulledRecord[] = [];
        const startedMs = performance.now();
        await redis.ping();
        const latencySeconds = (performance.now() - startedMs) / 1000;
        const at = new Date().toISOString();
        for (const queue of this.#config.queues) {
          const { data } = await sampleQueue(redis, queue, this.#config.jobs_from === 'health');
          records.push({ kind: 'queue', at, data: { ...data, at } });
        }
        const info = await redis.info();
        records.push({
          kind: 'store',
          at,
          data: defined({
            store: 'redis',
            at,
            up: true,
            latencySeconds,
            memoryBytes: infoNumber(info, 'used_memory'),
            // Hits and misses are left out: looking for keys that may not exist is what this very reading does.
            evictionsTotal: infoNumber(info, 'evicted_keys'),
            serverRunId: infoText(info, 'run_id'),
          }),
        });
        return records;
      },
      signal,
      countRequest,
    );
  }

  /**
   * Jobs that became due or finished since the last call; pages of at most a few hundred records.
   * @param complete everything that is there now, for a backfill.
   */
  async *jobs(
    complete: boolean,
    signal: AbortSignal,
    countRequest: (result: SourceResult) => void,
  ): AsyncGenerator<PulledRecord[]> {
    const redis = await this.redis.use(async (client) => client, signal, countRequest);
    const onAbort = () => this.redis.close();
    signal.addEventListener('abort', onAbort);
    try {
      for (const queue of this.#config.queues) {
        const sample = await sampleQueue(redis, queue, false);
        const retried = await this.#jobs.retried(redis, queue, sample);
        if (retried.length > 0 && this.#config.jobs_from === 'results') yield retried;
        yield* this.#jobs.due(redis, queue, sample, complete);
      }
      if (this.#config.jobs_from === 'results') yield* this.#jobs.results(redis, complete);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const failure = this.redis.failure(error);
      countRequest(failure.result);
      throw failure;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  close(): void {
    this.redis.close();
  }
}
