import { z } from 'zod';
import { filePath, positiveDurationMs, positiveInteger } from '../../config/fieldTypes.ts';
import { ChangedRecords } from '../rows/changedRecords.ts';
import { readRows } from '../rows/readRows.ts';
import type { PollContext, PollPage, ProbeReport, Source, SourceType } from '../source.ts';
import { StatusWords } from '../statusWords.ts';
import { CrucibleDatabase } from './crucibleDatabase.ts';
import { awaitsMetrics, CRUCIBLE_STATUSES, mapRun } from './mapRun.ts';
import { probeCrucible } from './probe.ts';

const configSchema = z
  .strictObject({
    /** Postgres; or `database_path`, the SQLite file that Int Crucible uses by default. */
    database_url: z
      .string()
      .regex(/^postgres(?:ql)?:\/\//, { error: 'expected a URL that starts with postgres:// or postgresql://' })
      .optional(),
    database_path: filePath.optional(),
    schema: z.string().min(1).optional(),
    page_size: positiveInteger.max(2_000).default(500),
    overlap: positiveDurationMs.prefault('10m'),
    statement_timeout: positiveDurationMs.prefault('25s'),
  })
  .superRefine((config, context) => {
    if ((config.database_url === undefined) === (config.database_path === undefined)) {
      const found = config.database_url === undefined ? 'neither' : 'both';
      context.addIssue({ code: 'custom', message: `expected one of database_url and database_path, found ${found}` });
    }
  });
export type CrucibleConfig = z.output<typeof configSchema>;

/** Runs of Int Crucible (github.com/copperdogma/int-crucible), read from its table crucible_runs. */
export const intCrucible: SourceType<CrucibleConfig> = {
  type: 'int-crucible',
  configSchema,
  create: (_name, config, log): Source => {
    const database = new CrucibleDatabase(config, log);
    const words = new StatusWords(CRUCIBLE_STATUSES, log);
    const changed = new ChangedRecords();

    async function* poll(cursor: unknown, context: PollContext): AsyncGenerator<PollPage> {
      const rows = await database.open(context.signal, context.countRequest);
      try {
        changed.startPoll(cursor);
        const options = {
          pageSize: config.page_size,
          overlapMs: config.overlap,
          awaitsMore: ({ values }: { values: Parameters<typeof awaitsMetrics>[0] }) => awaitsMetrics(values, words),
          mayScan: () => rows.mayScan(),
        };
        for await (const page of readRows(rows.reader, cursor, context, options)) {
          context.signal.throwIfAborted();
          const { records, committed } = changed.select(
            page.rows.map(({ place, values }) => ({
              id: place.id,
              records: mapRun(values, { words, now: context.startedAt }),
            })),
          );
          yield {
            records,
            cursor: page.cursor,
            ...(page.goneIds && { goneRuns: page.goneIds }),
            ...(page.progress && { progress: page.progress }),
          };
          committed(page.cursor);
        }
      } finally {
        rows.close();
      }
    }

    return {
      poll,
      probe: (signal: AbortSignal): Promise<ProbeReport> => probeCrucible(database, words, signal),
      close: () => database.close(),
    };
  },
};
