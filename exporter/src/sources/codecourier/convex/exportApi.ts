import type { Logger } from 'pino';
import { z } from 'zod';
import { SourceError } from '../../source.ts';
import type { CodeCourierConfig } from '../config.ts';
import type { Document } from '../documents.ts';
import { ApiClient, type CallContext, type Query } from '../http/apiClient.ts';

/** A 64-bit number as its digits: beyond 2^53 a JavaScript number would be another moment. */
const digits = z.union([z.string().regex(/^-?\d+$/), z.int()]).transform(String);
const value = z.looseObject({ _id: z.string(), _ts: digits, _deleted: z.boolean().optional() });

const snapshotAnswer = z.object({
  values: z.array(value),
  snapshot: digits,
  cursor: z.string().nullish(),
  hasMore: z.boolean(),
});
const deltasAnswer = z.object({ values: z.array(value), cursor: digits, hasMore: z.boolean() });
const schemasAnswer = z.record(z.string(), z.looseObject({}));

/** A revision of a document. */
export interface Revision {
  readonly id: string;
  /** When it was committed, nanoseconds since 1970. */
  readonly ts: bigint;
  /** undefined: it was deleted. */
  readonly document: Document | undefined;
}

export interface SnapshotPage {
  readonly revisions: readonly Revision[];
  /** Nanoseconds, as digits. */
  readonly snapshot: string;
  /** Of the next page; undefined after the last one. */
  readonly next: string | undefined;
}

export interface DeltasPage {
  readonly revisions: readonly Revision[];
  /** Nanoseconds, as digits. */
  readonly cursor: string;
  readonly hasMore: boolean;
}

/** Convex' streaming export (docs.convex.dev/streaming-export-api). Every call names one table. */
export class ExportApi {
  readonly #client: ApiClient;

  constructor(config: CodeCourierConfig, log: Logger) {
    this.#client = new ApiClient({
      baseUrl: `${config.base_url}/api`,
      authorization: `Convex ${config.deploy_key}`,
      timeoutMs: config.request_timeout,
      concurrency: config.concurrency,
      log,
    });
  }

  /** One page of a table as it was at `snapshot`; undefined: as it is now. */
  async listSnapshot(
    tableName: string,
    snapshot: string | undefined,
    cursor: string | undefined,
    context: CallContext,
  ): Promise<SnapshotPage> {
    const answer = await this.#get(
      '/list_snapshot',
      { tableName, snapshot, cursor, format: 'json' },
      snapshotAnswer,
      context,
    );
    const next = answer.cursor ?? undefined;
    if (answer.hasMore && next === undefined)
      throw drifted('/list_snapshot', 'hasMore and no cursor', 'both or neither');
    return {
      revisions: answer.values.map(revisionOf),
      snapshot: answer.snapshot,
      next: answer.hasMore ? next : undefined,
    };
  }

  /** What was written to a table after a moment, in the order of time. */
  async documentDeltas(tableName: string, cursor: string, context: CallContext): Promise<DeltasPage> {
    const answer = await this.#get('/document_deltas', { tableName, cursor, format: 'json' }, deltasAnswer, context);
    return { revisions: answer.values.map(revisionOf), cursor: answer.cursor, hasMore: answer.hasMore };
  }

  /** Names of the tables of the deployment. */
  async tables(context: CallContext): Promise<ReadonlySet<string>> {
    const answer = await this.#get('/json_schemas', { deltaSchema: 'false', format: 'json' }, schemasAnswer, context);
    return new Set(Object.keys(answer));
  }

  async #get<T>(path: string, query: Query, schema: z.ZodType<T>, context: CallContext): Promise<T> {
    const answer = await this.#client.get(path, query, context);
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw drifted(path, `${issue?.path.join('.')}: ${issue?.message}`, "the shape of Convex' streaming export");
  }
}

function drifted(path: string, found: string, expected: string): SourceError {
  return new SourceError(`${path}: found ${found}, expected ${expected}; check base_url and the version of Convex`, {
    result: 'schema',
  });
}

function revisionOf(value: z.infer<typeof snapshotAnswer>['values'][number]): Revision {
  return { id: value._id, ts: BigInt(value._ts), document: value._deleted === true ? undefined : value };
}
