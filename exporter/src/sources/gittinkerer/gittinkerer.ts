import type { Logger } from 'pino';
import { z } from 'zod';
import { RedisConnection } from '../redis/redisConnection.ts';
import type { PollContext, PollPage, ProbeReport, PulledRecord, Source, SourceType } from '../source.ts';
import { SourceError } from '../source.ts';
import { StatusWords } from '../statusWords.ts';
import { storeDown } from '../storeDown.ts';
import { ArtifactDirectories, type OpenArtifacts } from './artifacts/artifactDirectories.ts';
import { ArtifactRuns } from './artifacts/artifactRuns.ts';
import { Deliveries } from './artifacts/deliveries.ts';
import { configSchema, type GittinkererConfig } from './config.ts';
import { GittinkererRuns } from './gittinkererRuns.ts';
import { GITTINKERER_STATUSES } from './mapRun.ts';
import { readPauses } from './pauses.ts';
import { probeGittinkerer } from './probe.ts';
import { RedisSample } from './redis/redisSample.ts';
import { ServiceReadings } from './service/serviceReadings.ts';

/** Where each part has come to; each is read and written by that part alone. */
const cursorSchema = z.object({
  v: z.literal(1),
  redis: z.unknown().optional(),
  rows: z.unknown().optional(),
  pauses: z.unknown().optional(),
  directories: z.unknown().optional(),
  deliveries: z.unknown().optional(),
  /** The first complete poll is behind us. */
  live: z.boolean(),
});
type Cursor = z.infer<typeof cursorSchema>;
type Part = Exclude<keyof Cursor, 'v' | 'live'>;

/**
 * GitTinkerer: its tables, its Redis, its artifacts directory, and its service's own health. Any of them may be left out; each is read
 * whether or not the others answer.
 */
export const gittinkerer: SourceType<GittinkererConfig> = {
  type: 'gittinkerer',
  configSchema,
  create(_name: string, config: GittinkererConfig, log: Logger): Source {
    const words = new StatusWords(GITTINKERER_STATUSES, log);
    const runs =
      config.database_url === undefined ? undefined : new GittinkererRuns(config.database_url, config, words, log);
    const redis = config.redis_url === undefined ? undefined : new RedisConnection(config.redis_url, log);
    const redisSample = new RedisSample(config, log);
    const directories = config.artifacts === undefined ? undefined : new ArtifactDirectories(config.artifacts, log);
    const directoryRuns = new ArtifactRuns(words, runs, config.overlap);
    const deliveries = config.artifacts === undefined ? undefined : new Deliveries(config.artifacts, log);
    const readHere = new Set([...(runs === undefined ? [] : ['postgres']), ...(redis === undefined ? [] : ['redis'])]);
    const service = config.service === undefined ? undefined : new ServiceReadings(config.service, readHere, log);

    async function* pollRedis(before: unknown, { signal, countRequest }: PollContext): AsyncGenerator<PollPage> {
      if (redis === undefined) return;
      yield await redis.use((client) => redisSample.read(client, before), signal, countRequest);
    }

    async function* pollPauses(before: unknown, { signal, countRequest }: PollContext): AsyncGenerator<PollPage> {
      if (runs === undefined) return;
      const pauses = await runs.database.read((query) => readPauses(query, config, before), signal, countRequest);
      if (pauses !== undefined) yield pauses;
    }

    async function postgresUp({ signal, countRequest }: PollContext): Promise<PulledRecord[]> {
      if (runs === undefined) return [];
      const startedMs = performance.now();
      await runs.database.read((query) => query('select 1'), signal, countRequest);
      const latencySeconds = (performance.now() - startedMs) / 1000;
      const at = new Date().toISOString();
      return [{ kind: 'store', at, data: { store: 'postgres', at, up: true, latencySeconds, error: null } }];
    }

    return {
      async *poll(stored: unknown, context: PollContext): AsyncGenerator<PollPage> {
        const parsed = cursorSchema.safeParse(stored);
        if (stored !== undefined && stored !== null && !parsed.success) {
          context.log.warn('the cursor of the source is of another version: the source is read from its beginning');
        }
        let cursor: Cursor = parsed.data ?? { v: 1, live: false };
        const isLive = cursor.live;
        const failures: SourceError[] = [];
        let parts = 0;

        /** Passes the pages of one part on with the cursor of all; a failure of the part ends that part alone. */
        async function* of(
          part: Part | undefined,
          pages: AsyncIterable<PollPage>,
          whenDown?: (error: SourceError) => PulledRecord,
        ): AsyncGenerator<PollPage> {
          parts++;
          try {
            for await (const page of pages) {
              if (part !== undefined) cursor = { ...cursor, [part]: page.cursor };
              yield { ...page, cursor };
            }
          } catch (error) {
            if (context.signal.aborted || !(error instanceof SourceError)) throw error;
            failures.push(error);
            // A wrong table is no fault of the server that answered.
            if (whenDown !== undefined && error.result !== 'schema') yield { records: [whenDown(error)], cursor };
          }
        }

        if (redis !== undefined) {
          yield* of('redis', pollRedis(cursor.redis, context), (error) => storeDown('redis', error));
        }
        if (service !== undefined) yield* of(undefined, pagesOf(service.read(context)));
        let artifacts: OpenArtifacts | undefined;
        try {
          if (directories !== undefined) {
            yield* of(
              undefined,
              pagesOf(
                once(async () => {
                  artifacts = await directories.open(context.countRequest);
                  return [];
                }),
              ),
            );
          }
          let runsFailed = false;
          if (runs !== undefined) {
            const failed = failures.length;
            yield* of(undefined, pagesOf(once(() => postgresUp(context))), (error) => storeDown('postgres', error));
            // A server that did not answer a moment ago is not asked twice more.
            if (failures.length === failed) {
              yield* of('rows', runs.poll(cursor.rows, context, artifacts));
              yield* of('pauses', pollPauses(cursor.pauses, context));
            }
            runsFailed = failures.length > failed;
          }
          if (artifacts !== undefined) {
            // Without its row a run would be counted without its origin: directories wait for the database.
            if (!runsFailed) yield* of('directories', directoryRuns.poll(cursor.directories, context, artifacts));
            if (deliveries !== undefined) {
              yield* of('deliveries', deliveries.poll(cursor.deliveries, artifacts.root, context.startedAt, !isLive));
            }
          }
        } finally {
          await artifacts?.close();
        }
        const [failure] = failures;
        if (failure === undefined) {
          if (!isLive) yield { records: [], cursor: { ...cursor, live: true } };
          return;
        }
        if (failures.length === parts && parts === 1) throw failure;
        throw new SourceError(failures.map(({ message }) => message).join('; '), {
          result: failure.result,
          partial: failures.length < parts,
          cause: failure,
        });
      },
      probe: (signal: AbortSignal): Promise<ProbeReport> =>
        probeGittinkerer({ config, runs, redis, directories, words }, signal),
      async close() {
        redis?.close();
        await runs?.database.close();
      },
    };
  },
};

async function* once(work: () => Promise<readonly PulledRecord[]>): AsyncGenerator<readonly PulledRecord[]> {
  yield await work();
}

/** Records of a part that has no cursor. */
async function* pagesOf(batches: AsyncIterable<readonly PulledRecord[]>): AsyncGenerator<PollPage> {
  for await (const records of batches) yield { records, cursor: null };
}
