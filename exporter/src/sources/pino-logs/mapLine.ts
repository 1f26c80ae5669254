import { createHash } from 'node:crypto';
import { countOf, defined, isObject, type JsonObject } from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import { componentOf } from './componentOf.ts';
import { type LogLine, levelName } from './readLine.ts';

const ERROR_LEVEL = 50;
const MAX_STACK = 8_000;
const MAX_MESSAGE = 20_000;
const FAILED =
  /\b(fail(ed|ure)?|error|refused|unavailable|timed? ?out|timeout|lost|exception|rejected|ECONN\w+|ETIMEDOUT|ENOTFOUND|EPIPE)\b/i;
const TIMEOUT = /time.?d? ?out|ETIMEDOUT/i;
const CONNECTION = /connect|ECONN|ENOTFOUND|EAI_|EPIPE|socket|unavailable|refused/i;
const LIMIT = /^(IP|Repo(?:sitory)?)\s+(\S+)\s+limit\s+(check|exceeded)\s*:?\s*(\d+)\s*\/\s*(\d+)/i;
const MIGRATION = /^Running migration:?\s*(\S+)/i;
const MIGRATED = /^Migration completed in (\d+(?:\.\d+)?)\s*ms/i;
const EVICTED = /evict\w*[^\d]*(\d+)\s*keys?/i;
/** What pino itself adds, and what has a field of its own. */
const OWN_FIELDS = new Set(
  'level time timestamp v msg message name err error requestId reqId req res run_id runId repo repository project url method statusCode responseTime tags'.split(
    ' ',
  ),
);

/** Cache lookups that the log tells of; a total, since a line for each would be a record for each. */
export interface CacheLines {
  hits: number;
  misses: number;
  evictions: number;
}

/** Requests whose refusal was told, and by which line; the line of the response tells it again. */
export type RefusedRequests = Map<string, string>;

const MAX_REFUSED = 10_000;

export function forgetOldest(refused: RefusedRequests): void {
  for (const id of refused.keys()) {
    if (refused.size <= MAX_REFUSED) break;
    refused.delete(id);
  }
}

export interface LineContext {
  /** Identifies the line: the file and where in it. */
  readonly lineId: string;
  /** Where the line has no time. */
  readonly at: string;
  readonly cache: CacheLines;
  readonly refused: RefusedRequests;
}

/** What one line says. A line that says nothing of errors, limits or stores gives nothing. */
export function mapLine(line: LogLine, context: LineContext): PulledRecord[] {
  const { tag, message } = line;
  const at = line.at ?? context.at;
  const error = isObject(line.fields.err)
    ? line.fields.err
    : isObject(line.fields.error)
      ? line.fields.error
      : undefined;
  const requestId = requestIdOf(line.fields);
  const status = statusOf(line.fields);
  const records: PulledRecord[] = [];
  const text = textOf(error?.message) ?? (message === '' ? undefined : message);
  const isError = (line.level ?? 0) >= ERROR_LEVEL;
  const sounds = text !== undefined && FAILED.test(text) && (line.level === undefined || line.level >= 40);

  // Clients of a store tell its failures at any level that production shows.
  const storeFailed = text !== undefined && FAILED.test(text) && (line.level ?? 30) >= 30;

  if (tag === 'rate-limit') records.push(...limitOf(line, at, requestId, context));
  else if (status === 429 && tellsRefusal(requestId, context)) {
    records.push(
      rateLimit({
        layer: 'ip',
        at,
        eventId: context.lineId,
        limited: true,
        attributes: requestOf(line.fields, requestId),
      }),
    );
  }
  if (tag === 'cache') countCache(message, context.cache);
  if (tag === 'redis' || tag === 'db' || (tag === 'rate-limit' && /redis/i.test(message))) {
    records.push(...storeOf(tag === 'db' ? 'postgres' : 'redis', text ?? '', at, isError || storeFailed, requestId));
  }
  // A refused request is a limit at work. A console line has no level: one with a tag that tells of a failure was an error.
  const isFailure = isError || (line.level === undefined && tag !== undefined && sounds);
  if (isFailure && status !== 429 && text !== undefined) {
    records.push(platformError(line, { at, text, error, requestId, lineId: context.lineId }));
  }
  return records;
}

function platformError(
  { fields, tag, level }: LogLine,
  {
    at,
    text,
    error,
    requestId,
    lineId,
  }: { at: string; text: string; error: JsonObject | undefined; requestId: string | undefined; lineId: string },
): PulledRecord {
  const stack = textOf(error?.stack);
  const component = componentOf(fields, tag, stack);
  const type = textOf(error?.type, error?.name);
  const others = Object.fromEntries(Object.entries(fields).filter(([name]) => !OWN_FIELDS.has(name)));
  const { message: _message, stack: _stack, type: _type, name: _name, ...details } = error ?? {};
  return {
    kind: 'platformError',
    at,
    data: defined({
      errorId: lineId,
      component,
      project: projectOf(fields),
      level: levelName(level ?? ERROR_LEVEL),
      message: (type === undefined || text.startsWith(type) ? text : `${type}: ${text}`)
        .slice(0, MAX_MESSAGE)
        .toWellFormed(),
      fingerprint: fingerprintOf(component, type, text),
      runId: textOf(fields.runId, fields.run_id),
      requestId: requestId?.slice(0, 255),
      at,
      attributes: defined({
        ...others,
        ...requestOf(fields, undefined),
        logger: textOf(fields.name),
        stack: stack?.slice(0, MAX_STACK).toWellFormed(),
        errorDetails: Object.keys(details).length === 0 ? undefined : details,
      }),
    }),
  };
}

function limitOf(line: LogLine, at: string, requestId: string | undefined, context: LineContext): PulledRecord[] {
  const match = LIMIT.exec(line.message);
  if (match === null) return [];
  const [, who = '', subject = '', word = '', remaining, limit] = match;
  const layer = who.toUpperCase() === 'IP' ? 'ip' : 'repo';
  const limited = word.toLowerCase() === 'exceeded';
  if (limited) tellsRefusal(requestId, context);
  return [
    rateLimit({
      layer,
      project: layer === 'repo' ? subject : undefined,
      eventId: context.lineId,
      at,
      limited,
      remaining: countOf(remaining),
      limit: countOf(limit),
      attributes: { ...requestOf(line.fields, requestId), ...(layer === 'ip' && { ip: subject }) },
    }),
  ];
}

/** @returns whether this line is the one that tells it, be it for the first time or again. */
function tellsRefusal(requestId: string | undefined, { refused, lineId }: LineContext): boolean {
  if (requestId === undefined) return true;
  const told = refused.get(requestId) ?? lineId;
  refused.set(requestId, told);
  return told === lineId;
}

function rateLimit(data: { at: string } & Readonly<Record<string, unknown>>): PulledRecord {
  return { kind: 'rateLimit', at: data.at, data: defined(data) };
}

/** A line is an event and no state: it says that something failed then, not whether the store is up now. */
function storeOf(
  store: string,
  text: string,
  at: string,
  failed: boolean,
  requestId: string | undefined,
): PulledRecord[] {
  if (failed) {
    const kind = TIMEOUT.test(text) ? 'timeout' : CONNECTION.test(text) ? 'connection' : 'other';
    const attributes = requestId === undefined ? undefined : { requestId };
    return [
      {
        kind: 'store',
        at,
        data: defined({ store, at, error: { kind, message: text.slice(0, MAX_MESSAGE) }, attributes }),
      },
    ];
  }
  const migration = MIGRATION.exec(text)?.[1];
  const ms = MIGRATED.exec(text)?.[1];
  if (store === 'postgres' && (migration !== undefined || ms !== undefined)) {
    const attributes = defined({
      lastMigration: migration,
      lastMigrationSeconds: ms === undefined ? undefined : Number(ms) / 1000,
    });
    return [{ kind: 'store', at, data: { store, at, attributes } }];
  }
  return /^Connected\b/i.test(text) ? [{ kind: 'store', at, data: { store, at, error: null } }] : [];
}

function countCache(message: string, cache: CacheLines): void {
  if (/^cache hit\b/i.test(message)) cache.hits++;
  else if (/^cache miss\b/i.test(message)) cache.misses++;
  else cache.evictions += Number(EVICTED.exec(message)?.[1] ?? 0);
}

function requestOf(fields: JsonObject, requestId: string | undefined): JsonObject {
  const request = isObject(fields.req) ? fields.req : {};
  // A query can carry a token.
  const path = textOf(fields.url, request.url)?.split('?')[0];
  return defined({
    requestId,
    path,
    method: textOf(fields.method, request.method),
    statusCode: statusOf(fields),
    remoteAddress: textOf(request.remoteAddress),
    responseTimeMs: typeof fields.responseTime === 'number' ? fields.responseTime : undefined,
  });
}

function requestIdOf(fields: JsonObject): string | undefined {
  const request = isObject(fields.req) ? fields.req : {};
  return textOf(fields.requestId, fields.reqId, request.id, request.requestId);
}

function statusOf(fields: JsonObject): number | undefined {
  const response = isObject(fields.res) ? fields.res : {};
  return countOf(response.statusCode) ?? countOf(fields.statusCode);
}

function projectOf(fields: JsonObject): string | undefined {
  const repository = isObject(fields.repository) ? fields.repository.full_name : fields.repository;
  const name = textOf(fields.project, fields.repo, repository);
  return name !== undefined && name.length <= 255 ? name : undefined;
}

/** The same error has the same fingerprint whatever ids and numbers its message names. */
function fingerprintOf(component: string | undefined, type: string | undefined, message: string): string {
  const shape = message
    .split('\n', 1)[0]
    ?.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{12,}\b|\d+/gi, '#')
    .slice(0, 500);
  return createHash('sha1')
    .update(`${component ?? ''}\n${type ?? ''}\n${shape}`)
    .digest('hex')
    .slice(0, 16);
}

function textOf(...values: readonly unknown[]): string | undefined {
  for (const value of values) {
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}
