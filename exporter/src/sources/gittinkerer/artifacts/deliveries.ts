import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import { RefusedPath, type RootedFiles } from '../../files/rootedFiles.ts';
import { amountOf, countOf, defined, isObject, type JsonObject, utcInstant } from '../../rows/textValues.ts';
import type { PollPage, PulledRecord } from '../../source.ts';
import type { ArtifactsConfig } from '../config.ts';
import { readPayload } from './readPayload.ts';

/** `changedMs`: every file that is older was read; `names`: those of that age that were. */
const cursorSchema = z.object({ changedMs: z.number(), names: z.array(z.string()) });
type Cursor = z.infer<typeof cursorSchema>;

const MAX_FILES = 200_000;
const FILES_A_PAGE = 200;
/** The clock of a file system may tick coarsely, and a file can be written for a while. */
const OVERLAP_MS = 60_000;
const SETTLED_MS = 25 * 60 * 60_000;
const READ_BY_SUFFIX = /\.(json|jsonl|ndjson|log|txt)$/i;
const DELIVERY = 'github-webhook';

/** The use case of the platform that an event goes to: where an error of its delivery belongs. */
const HANDLERS: Readonly<Record<string, string>> = {
  issue_comment: 'handleIssueComment',
  pull_request: 'handlePullRequest',
  pull_request_review_comment: 'handleIssueComment',
};

/**
 * The log of webhook deliveries: one file each (JSON), or several in one (a list, or a line each). A delivery is a call of the
 * adapter `github-webhook`; one that was answered 429 is a decision of the limiter, one that failed an error of the platform.
 */
export class Deliveries {
  readonly #config: ArtifactsConfig;
  readonly #log: Logger;
  /** Name -> time of the last change, of what was read. */
  readonly #read = new Map<string, number>();
  #warned = false;

  constructor(config: ArtifactsConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  async *poll(stored: unknown, root: RootedFiles, now: Date, complete: boolean): AsyncGenerator<PollPage> {
    const directory = this.#config.deliveries;
    if (directory === null) return;
    const listed = await root.list(directory, MAX_FILES);
    if (listed === undefined) return;
    const cursor: Cursor = cursorSchema.safeParse(stored).data ?? { changedMs: 0, names: [] };
    const names = new Set(listed.names.filter((name) => READ_BY_SUFFIX.test(name)));
    for (const name of this.#read.keys()) if (!names.has(name)) this.#read.delete(name);
    const fresh: { name: string; changedMs: number }[] = [];
    for (const name of names) {
      // A log of one delivery or one day is not written to any more after a while; a look at each file costs a system call.
      if ((this.#read.get(name) ?? Number.POSITIVE_INFINITY) < now.getTime() - SETTLED_MS) continue;
      const changedMs = await this.#changed(root, [...directory, name]);
      if (changedMs === undefined) continue;
      const known = this.#read.get(name);
      if (known === changedMs) continue;
      // After a start: what the cursor covers is not read again.
      if (known === undefined && changedMs < cursor.changedMs - OVERLAP_MS) this.#read.set(name, changedMs);
      else if (known !== undefined || changedMs > cursor.changedMs || !cursor.names.includes(name)) {
        fresh.push({ name, changedMs });
      } else this.#read.set(name, changedMs);
    }
    fresh.sort((a, b) => a.changedMs - b.changedMs || (a.name < b.name ? -1 : 1));
    const todo = complete ? fresh : fresh.slice(0, this.#config.deliveries_per_poll);
    let { changedMs, names: atThatTime } = cursor;
    for (let from = 0; from < todo.length; from += FILES_A_PAGE) {
      const page = todo.slice(from, from + FILES_A_PAGE);
      const records: PulledRecord[] = [];
      for (const file of page) records.push(...(await this.#readFile(root, file, directory, now)));
      for (const file of page) {
        if (file.changedMs > changedMs) [changedMs, atThatTime] = [file.changedMs, [file.name]];
        else if (file.changedMs === changedMs && !atThatTime.includes(file.name))
          atThatTime = [...atThatTime, file.name];
      }
      yield { records, cursor: { changedMs, names: atThatTime } };
      for (const file of page) this.#read.set(file.name, file.changedMs);
    }
  }

  async #changed(root: RootedFiles, path: readonly string[]): Promise<number | undefined> {
    try {
      const facts = await root.facts(path);
      return facts === undefined || facts.isDirectory ? undefined : facts.modifiedMs;
    } catch (error) {
      if (error instanceof RefusedPath) return undefined;
      throw error;
    }
  }

  async #readFile(
    root: RootedFiles,
    { name, changedMs }: { name: string; changedMs: number },
    directory: readonly string[],
    now: Date,
  ): Promise<PulledRecord[]> {
    let text: string;
    try {
      const file = await root.read([...directory, name], this.#config.max_file);
      if (file === undefined) return [];
      if (file.bytes > this.#config.max_file) return this.#unreadable(name, `${file.bytes} bytes`);
      text = file.content.toString('utf8');
    } catch (error) {
      if (error instanceof RefusedPath) return this.#unreadable(name, error.message);
      throw error;
    }
    const entries = readEntries(text);
    // A file that is still being written is read again when it changes.
    if (entries.length === 0) return this.#unreadable(name, 'no JSON object');
    const fileTime = new Date(Math.min(changedMs, now.getTime())).toISOString();
    return entries.flatMap((entry, index) => mapDelivery(entry, { name, index, fileTime }));
  }

  #unreadable(name: string, found: string): PulledRecord[] {
    this.#log[this.#warned ? 'debug' : 'warn'](
      { file: name, found, expected: 'JSON' },
      'a webhook delivery cannot be read',
    );
    this.#warned = true;
    return [];
  }
}

/** One object, a list of them, or one a line; a line that is none is passed over. */
export function readEntries(text: string): JsonObject[] {
  const whole = parse(text);
  if (isObject(whole)) return [whole];
  if (Array.isArray(whole)) return whole.filter(isObject);
  return text.split('\n').flatMap((line) => {
    const value = parse(line);
    return isObject(value) ? [value] : [];
  });
}

interface Origin {
  readonly name: string;
  readonly index: number;
  /** Where the delivery does not say when it was. */
  readonly fileTime: string;
}

/** Field names were not seen: those of GitHub's own delivery objects are read, and the usual spellings of a log. */
export function mapDelivery(entry: JsonObject, { name, index, fileTime }: Origin): PulledRecord[] {
  const headers = isObject(entry.headers) ? entry.headers : {};
  const request = isObject(entry.request) ? entry.request : {};
  const requestHeaders = isObject(request.headers) ? request.headers : {};
  const response = isObject(entry.response) ? entry.response : {};
  const payload = [entry.payload, request.payload, entry.body].find(isObject);
  const header = (wanted: string) =>
    [headers, requestHeaders].flatMap((all) =>
      Object.entries(all).flatMap(([key, value]) => (key.toLowerCase() === wanted ? [value] : [])),
    )[0];
  const deliveryId =
    textOf(entry.guid, entry.delivery_id, entry.deliveryId, header('x-github-delivery'), entry.id) ??
    `${name}#${index}`;
  const event = textOf(entry.event, entry.event_type, entry.eventType, header('x-github-event'));
  const status =
    countOf(entry.status_code) ??
    countOf(entry.statusCode) ??
    countOf(response.status) ??
    countOf(response.status_code) ??
    countOf(entry.status);
  const message = textOf(
    isObject(entry.error) ? entry.error.message : entry.error,
    entry.reason,
    (status ?? 0) >= 400 ? entry.message : undefined,
  );
  const at =
    utcInstant(entry.delivered_at) ??
    utcInstant(entry.received_at) ??
    utcInstant(entry.receivedAt) ??
    utcInstant(entry.timestamp) ??
    utcInstant(entry.at) ??
    utcInstant(entry.time) ??
    fileTime;
  const facts = payload === undefined ? undefined : readPayload(payload);
  const project = textOf(entry.repository, entry.repo, entry.project) ?? facts?.project;
  const seconds = amountOf(entry.duration);
  const ms = amountOf(entry.duration_ms) ?? amountOf(entry.durationMs);
  const result = resultOf(status, message);
  const word = status === undefined ? textOf(entry.status) : undefined;
  const attributes = defined({
    event,
    action: textOf(entry.action) ?? facts?.metadata?.action,
    statusCode: status,
    statusWord: word,
    redelivery: typeof entry.redelivery === 'boolean' ? entry.redelivery : undefined,
    runId: textOf(entry.run_id, entry.runId),
    requestId: textOf(entry.request_id, entry.requestId),
    file: name,
  });
  const key = deliveryId.length > 200 ? createHash('sha1').update(deliveryId).digest('hex') : deliveryId;
  const records: PulledRecord[] = [
    {
      kind: 'adapter',
      at,
      data: defined({
        adapter: DELIVERY,
        eventId: key,
        at,
        project,
        result,
        count: 1,
        latencySeconds: ms === undefined ? seconds : ms / 1000,
        message,
        attributes,
      }),
    },
  ];
  if (status === 429) {
    records.push({
      kind: 'rateLimit',
      at,
      data: defined({
        layer: project === undefined ? 'ip' : 'repo',
        project,
        eventId: key,
        at,
        limited: true,
        attributes,
      }),
    });
  } else if (result === 'server' || (result === 'other' && message !== undefined)) {
    records.push({
      kind: 'platformError',
      at,
      data: defined({
        errorId: `delivery:${key}`,
        component: HANDLERS[event ?? ''] ?? event,
        project,
        level: 'error',
        message: message ?? `HTTP ${status}`,
        runId: attributes.runId,
        requestId: attributes.requestId,
        at,
        attributes: { ...attributes, deliveryId },
      }),
    });
  }
  return records;
}

function resultOf(status: number | undefined, message: string | undefined): string {
  if (status === undefined) return message === undefined ? 'ok' : 'other';
  if (status === 401 || status === 403) return 'auth';
  if (status === 429) return 'rate_limit';
  if (status === 400 || status === 422) return 'schema';
  if (status >= 500) return 'server';
  return status < 400 ? 'ok' : 'other';
}

function textOf(...values: readonly unknown[]): string | undefined {
  for (const value of values) {
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
