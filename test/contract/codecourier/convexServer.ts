import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Document, DocumentKind } from '../../../exporter/src/sources/codecourier/documents.ts';
import { type Answer, ContractServer } from './faults.ts';
import type { World } from './world.ts';

export const DEPLOY_KEY = 'prod:contract-123|0123456789abcdef';

/** A minute ago, in nanoseconds: 19 digits and odd, so that as a double it would be another moment. */
const START_TS = BigInt(Date.now() - 60_000) * 1_000_000n + 456_789n;
/** Documents in a page of a snapshot, unless a test says otherwise. */
const SNAPSHOT_PAGE = 40;
const DELTAS_PAGE = 25;

/** What the streaming export answers (get-convex/convex-backend, crates/common/src/types/streaming_export), 64-bit numbers as bigint. */
const common = { _id: z.string(), _ts: z.bigint(), _table: z.string(), _component: z.string() };
const listSnapshot = z.strictObject({
  values: z.array(z.looseObject({ ...common, _creationTime: z.number() })),
  snapshot: z.bigint(),
  cursor: z.string().nullable(),
  hasMore: z.boolean(),
});
const documentDeltas = z.strictObject({
  values: z.array(z.looseObject({ ...common, _deleted: z.boolean() })),
  cursor: z.bigint(),
  hasMore: z.boolean(),
});

interface Write {
  readonly ts: bigint;
  readonly table: string;
  readonly id: string;
  /** undefined: a deletion. */
  readonly document: Document | undefined;
}

/** The streaming export of a Convex deployment: a log of writes with 64-bit timestamps, snapshots and deltas of it. */
export class ConvexServer extends ContractServer {
  readonly #writes: Write[] = [];
  readonly #tables = new Set<string>();
  #now = START_TS;
  /** Moments before it are forgotten. */
  oldest = 0n;
  snapshotPage = SNAPSHOT_PAGE;
  /** Time goes on with each call. */
  isBusy = false;

  constructor(world: World, names: Partial<Record<DocumentKind, string>> = { messages: 'sandboxMessages' }) {
    super((request, url) => this.#answer(request, url));
    for (const [kind, documents] of Object.entries(world)) {
      const table = names[kind as DocumentKind] ?? kind;
      this.#tables.add(table);
      for (const document of documents) this.write(table, document);
    }
  }

  /** The moment of the last write. */
  get now(): bigint {
    return this.#now;
  }

  /** Nothing happens, but time goes on: deltas give a later cursor. */
  tick(nanoseconds = 1_000n): void {
    this.#now += nanoseconds;
  }

  /** Inserts or replaces. */
  write(table: string, document: Document): void {
    this.#now += 1_000_001n;
    this.#writes.push({ ts: this.#now, table, id: String(document._id), document });
  }

  remove(table: string, id: string): void {
    this.#now += 1_000_001n;
    this.#writes.push({ ts: this.#now, table, id, document: undefined });
  }

  #answer(request: IncomingMessage, url: URL): Answer {
    if (request.headers.authorization !== `Convex ${DEPLOY_KEY}`) {
      return failed(401, 'BadDeployKey', 'The provided deploy key was invalid for deployment');
    }
    const { searchParams } = url;
    if (this.isBusy) this.tick();
    if (url.pathname === '/api/json_schemas') {
      return written(Object.fromEntries([...this.#tables].map((table) => [table, { type: 'object', properties: {} }])));
    }
    const table = searchParams.get('tableName');
    if (table === null || searchParams.get('format') !== 'json') {
      return failed(400, 'BadRequest', 'this deployment is read table by table, as JSON');
    }
    if (url.pathname === '/api/list_snapshot') return this.#listSnapshot(table, searchParams);
    if (url.pathname === '/api/document_deltas') return this.#documentDeltas(table, searchParams);
    return failed(404, 'NotFound', 'no such endpoint');
  }

  #listSnapshot(table: string, query: URLSearchParams): Answer {
    const snapshot = query.has('snapshot') ? BigInt(query.get('snapshot') ?? '') : this.#now;
    if (snapshot > this.#now) return failed(400, 'SnapshotTooNew', `Snapshot value ${snapshot} is in the future.`);
    if (snapshot < this.oldest) return failed(400, 'SnapshotTooOld', `Snapshot value ${snapshot} is too old.`);
    const then = new Map<string, Write>();
    for (const write of this.#writes) if (write.table === table && write.ts <= snapshot) then.set(write.id, write);
    const rows = [...then.values()]
      .filter(({ document }) => document !== undefined)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const after = query.has('cursor') ? (JSON.parse(query.get('cursor') ?? '') as { id: string }).id : '';
    const rest = rows.filter(({ id }) => id > after);
    const page = rest.slice(0, this.snapshotPage);
    const last = page.at(-1);
    return written(
      listSnapshot.parse({
        values: page.map((write) => exported(write)),
        snapshot,
        cursor: last === undefined ? null : JSON.stringify({ tablet: table, id: last.id }),
        hasMore: rest.length > this.snapshotPage,
      }),
    );
  }

  #documentDeltas(table: string, query: URLSearchParams): Answer {
    const cursor = BigInt(query.get('cursor') ?? '');
    if (cursor < this.oldest) {
      return failed(
        400,
        'InvalidWindowToReadDocuments',
        `Trying to synchronize from timestamp ${cursor}, which is older than the database's retention window.`,
      );
    }
    const rest = this.#writes.filter((write) => write.table === table && write.ts > cursor);
    const page = rest.slice(0, DELTAS_PAGE);
    const hasMore = rest.length > DELTAS_PAGE;
    return written(
      documentDeltas.parse({
        values: page.map((write) => ({ ...exported(write), _deleted: write.document === undefined })),
        cursor: hasMore ? page.at(-1)?.ts : this.#now,
        hasMore,
      }),
    );
  }
}

function exported({ ts, table, id, document }: Write): object {
  return { ...(document ?? { _id: id }), _ts: ts, _table: table, _component: '' };
}

function failed(status: number, code: string, message: string): Answer {
  return { status, body: JSON.stringify({ code, message }) };
}

/** As Rust's serde writes it: a 64-bit number is a bare number of all its digits. */
function written(body: unknown): Answer {
  const digits: string[] = [];
  const text = JSON.stringify(body, (_key, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    digits.push(String(value));
    return `\u0001${digits.length - 1}\u0001`;
  });
  return {
    status: 200,
    body: text.replaceAll(/"\\u0001(\d+)\\u0001"/g, (_match, index: string) => digits[Number(index)] ?? ''),
  };
}
