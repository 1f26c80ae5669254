import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { placeIn, readLines } from '../files/followedFile.ts';
import { codeOf, type FileFacts, RefusedPath, RootedFiles } from '../files/rootedFiles.ts';
import type { PollContext, PollPage, ProbeReport, PulledRecord, Source } from '../source.ts';
import { SourceError } from '../source.ts';
import type { PinoLogsConfig } from './config.ts';
import { forgetOldest, mapLine, type RefusedRequests } from './mapLine.ts';
import { readLine } from './readLine.ts';
import { apart, cacheRecord } from './storeReadings.ts';

const place = z.object({
  name: z.string(),
  inode: z.string(),
  head: z.string(),
  headBytes: z.number(),
  identity: z.string(),
  offset: z.number(),
  generation: z.number(),
  skipping: z.boolean().optional(),
  /** Of the file when it was read; and of its last line that had a time. */
  modifiedMs: z.number(),
  lastAt: z.string().optional(),
});
type Place = z.infer<typeof place>;
const cursorSchema = z.object({
  v: z.literal(1),
  live: z.boolean(),
  files: z.array(place),
  cache: z.object({ hits: z.number(), misses: z.number(), evictions: z.number() }),
});
type Cursor = z.infer<typeof cursorSchema>;

const MAX_NAMES = 20_000;
const CHUNK_BYTES = 512 * 1024;
const RECORDS_A_PAGE = 2_000;

interface Found {
  readonly name: string;
  readonly facts: FileFacts;
  readonly known: Place | undefined;
}

/** The configuration of a source that follows files. */
export type FollowedConfig = PinoLogsConfig & { readonly path: string };

/** Follows the logs of a path, from poll to poll. */
export function followLogs(config: FollowedConfig, log: Logger): Source {
  const refused: RefusedRequests = new Map();
  let tooLong = 0;

  async function open(): Promise<{ files: RootedFiles; only: string | undefined }> {
    const isDirectory = await stat(config.path).then(
      (stats) => stats.isDirectory(),
      (cause: unknown) => {
        // Between two files of a rotation there may be none; its directory says.
        if (codeOf(cause) === 'ENOENT') return false;
        throw new SourceError(
          `${config.path}: found ${codeOf(cause) ?? String(cause)}, expected a log or a directory of logs`,
          {
            result: codeOf(cause) === 'EACCES' ? 'auth' : 'other',
            cause,
          },
        );
      },
    );
    const root = isDirectory ? config.path : dirname(config.path);
    return { files: await RootedFiles.open(root), only: isDirectory ? undefined : basename(config.path) };
  }

  /** The logs that are there, the longest untouched first, so that a rotated file comes before its successor. */
  async function find(files: RootedFiles, only: string | undefined, before: Cursor): Promise<Found[]> {
    const byInode = new Map(before.files.map((each) => [each.inode, each]));
    const listed = await files.list([], MAX_NAMES);
    const found: Found[] = [];
    for (const name of listed?.names ?? []) {
      try {
        const facts = await files.facts([name]);
        if (facts === undefined || facts.isDirectory) continue;
        const known = byInode.get(facts.inode);
        const isLog = only === undefined ? config.suffixes.some((suffix) => name.endsWith(suffix)) : name === only;
        // A file that was followed is read to its end under the name that rotation gave it.
        if (isLog || known !== undefined) found.push({ name, facts, known });
      } catch (error) {
        if (!(error instanceof RefusedPath)) throw error;
        log.debug({ file: name, found: error.message }, 'not followed');
      }
    }
    return found.sort((a, b) => a.facts.modifiedMs - b.facts.modifiedMs || (a.name < b.name ? -1 : 1));
  }

  async function* follow(files: RootedFiles, only: string | undefined, before: Cursor): AsyncGenerator<PollPage> {
    const found = await find(files, only, before);
    const present = new Set(found.map(({ facts }) => facts.inode));
    const places = new Map(before.files.filter(({ inode }) => present.has(inode)).map((each) => [each.inode, each]));
    const cache = { ...before.cache };
    const cursor = (live = before.live): Cursor => ({ v: 1, live, files: [...places.values()], cache: { ...cache } });
    let left = before.live ? config.max_read : Number.POSITIVE_INFINITY;
    let isBehind = false;
    let readUpTo: string | undefined;
    for (const { name, facts, known } of found) {
      const isUnchanged =
        known !== undefined &&
        known.name === name &&
        known.offset === facts.bytes &&
        known.modifiedMs === facts.modifiedMs;
      if (isUnchanged) continue;
      if (left <= 0) {
        isBehind = true;
        continue;
      }
      const start = await placeIn(files, name, facts.inode, facts.bytes, known);
      if (start === undefined) continue;
      let at: Place = {
        ...start,
        modifiedMs: facts.modifiedMs,
        ...(known?.lastAt !== undefined && { lastAt: known.lastAt }),
      };
      if (known === undefined && !before.live && config.from === 'end') {
        const last = await files.readRange([name], Math.max(0, facts.bytes - 1), 1);
        const isWhole = facts.bytes === 0 || last?.content[0] === 0x0a;
        places.set(facts.inode, { ...at, offset: facts.bytes, ...(!isWhole && { skipping: true }) });
        continue;
      }
      for (let more = true; more && left > 0; ) {
        const read = await readLines(files, at, {
          maxBytes: Math.min(CHUNK_BYTES, left),
          maxLineBytes: config.max_line,
          onTooLong: (offset) => {
            tooLong++;
            // The 1st, 10th, 100th … is worth a line.
            if (/^10*$/.test(String(tooLong)))
              log.warn(
                { file: name, offset, maxBytes: config.max_line, tooLong },
                'a line of the log is too long and is passed over',
              );
          },
        });
        left -= Math.max(1, read.place.offset - at.offset);
        more = read.more;
        const [committed, cachedBefore] = [cursor(), JSON.stringify(cache)];
        const { records, lastAt } = mapLines(read.lines, at, facts, cache);
        at = { ...at, ...read.place, ...(lastAt !== undefined && { lastAt }) };
        if (read.place.skipping === undefined) delete at.skipping;
        places.set(facts.inode, at);
        if (JSON.stringify(cache) !== cachedBefore)
          records.push(cacheRecord(cache, lastAt ?? new Date(facts.modifiedMs).toISOString()));
        readUpTo = lastAt ?? readUpTo;
        isBehind ||= more && left <= 0;
        yield* pages(records, committed, cursor());
      }
    }
    yield { records: [], cursor: cursor(true), ...(isBehind && readUpTo !== undefined && { readUpTo }) };
  }

  function mapLines(
    lines: Awaited<ReturnType<typeof readLines>>['lines'],
    at: Place,
    facts: FileFacts,
    cache: Cursor['cache'],
  ): { records: PulledRecord[]; lastAt: string | undefined } {
    // Equal for a line that is read again, and under any name; another for each line of each writing of the file.
    const file = createHash('sha1').update(`${at.inode}\n${at.generation}\n${at.identity}`).digest('hex').slice(0, 16);
    let { lastAt } = at;
    const records: PulledRecord[] = [];
    for (const { text, offset } of lines) {
      const line = readLine(text);
      if (line === undefined) continue;
      lastAt = line.at ?? lastAt;
      const context = {
        lineId: `${file}:${offset}`,
        at: lastAt ?? new Date(facts.modifiedMs).toISOString(),
        cache,
        refused,
      };
      records.push(...mapLine(line, context));
    }
    forgetOldest(refused);
    return { records: apart(records), lastAt };
  }

  return {
    async *poll(stored: unknown, context: PollContext): AsyncGenerator<PollPage> {
      const parsed = cursorSchema.safeParse(stored);
      if (stored !== undefined && stored !== null && !parsed.success) {
        context.log.warn('the cursor of the source is of another version: the logs are read from their beginning');
      }
      const before: Cursor = parsed.data ?? {
        v: 1,
        live: false,
        files: [],
        cache: { hits: 0, misses: 0, evictions: 0 },
      };
      let files: RootedFiles | undefined;
      try {
        const opened = await open();
        files = opened.files;
        yield* follow(files, opened.only, before);
        context.countRequest('ok');
      } catch (error) {
        const failure = asSourceError(error, config.path);
        context.countRequest(failure.result);
        throw failure;
      } finally {
        await files?.close();
      }
    },
    async probe(): Promise<ProbeReport> {
      let files: RootedFiles | undefined;
      try {
        const opened = await open();
        files = opened.files;
        return await probeLogs(files, await find(files, opened.only, emptyCursor()), config);
      } catch (error) {
        return { reachable: false, found: [], problems: [asSourceError(error, config.path).message] };
      } finally {
        await files?.close();
      }
    },
    async close() {},
  };
}

function emptyCursor(): Cursor {
  return { v: 1, live: false, files: [], cache: { hits: 0, misses: 0, evictions: 0 } };
}

/** The cursor moves with the last page: what is read of a file at once is committed whole, or read again. */
function* pages(records: readonly PulledRecord[], committed: Cursor, cursor: Cursor): Generator<PollPage> {
  let from = 0;
  for (; records.length - from > RECORDS_A_PAGE; from += RECORDS_A_PAGE) {
    yield { records: records.slice(from, from + RECORDS_A_PAGE), cursor: committed };
  }
  yield { records: records.slice(from), cursor };
}

function asSourceError(error: unknown, path: string): SourceError {
  if (error instanceof SourceError) return error;
  const code = codeOf(error);
  return new SourceError(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
    result: code === 'EACCES' || code === 'EPERM' ? 'auth' : 'other',
    cause: error,
  });
}

async function probeLogs(files: RootedFiles, found: readonly Found[], config: FollowedConfig): Promise<ProbeReport> {
  const report: { reachable: boolean; found: string[]; problems: string[] } = {
    reachable: true,
    found: [],
    problems: [],
  };
  if (found.length === 0) report.problems.push(`${config.path}: there is no log yet; check path and suffixes`);
  for (const { name, facts } of found.slice(-10)) {
    report.found.push(`${name}: ${facts.bytes} bytes`);
    const place = await placeIn(files, name, facts.inode, facts.bytes, undefined);
    if (place === undefined) continue;
    const { lines } = await readLines(files, place, {
      maxBytes: 64 * 1024,
      maxLineBytes: config.max_line,
      onTooLong() {},
    });
    const read = lines.slice(0, 100).map(({ text }) => readLine(text));
    const withTime = read.filter((line) => line?.at !== undefined).length;
    if (lines.length > 0 && withTime === 0)
      report.problems.push(
        `${name}: none of its first ${read.length} lines is JSON with a time; errors of it are dated by the file`,
      );
  }
  return report;
}
