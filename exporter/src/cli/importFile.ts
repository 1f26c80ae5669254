import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { pino } from 'pino';
import split from 'split2';
import type { Config } from '../config.ts';
import type { NormalisedEvent } from '../contract/events.ts';
import { endImport, IMPORT_BATCH, importEvents, SourceIsLive } from '../ledger/history/importEvents.ts';
import { Ledger } from '../ledger/ledger.ts';
import { ledgerPolicyOf } from '../ledgerPolicyOf.ts';
import { EventRejected, normaliseEvent } from '../normalise/normaliseEvent.ts';
import { CliError } from './cliError.ts';
import { withLedger } from './openLedger.ts';
import { printable } from './printable.ts';
import { tell } from './printOutput.ts';
import { type Progress, showProgress } from './progress.ts';

interface ImportOptions {
  readonly config?: string;
  readonly force?: true;
  readonly skipInvalid?: true;
}

/** One line of the input: an event, or why it is none. */
type Line = { readonly event: NormalisedEvent } | { readonly number: number; readonly reason: string };

const STDIN = '-';
const SHOWN = 10;
const GZIP_MAGIC = [0x1f, 0x8b];

export async function importFileCommand(file: string, options: ImportOptions): Promise<void> {
  if (file !== STDIN) await checkFile(file, options);
  await withLedger({ config: options.config, create: true, migrate: true }, async ({ config, connectionString }) => {
    const ledger = openForImport(config, connectionString);
    try {
      await importLines(ledger, file, options, config);
    } finally {
      await ledger.close();
    }
  });
}

function openForImport(config: Config, connectionString: string): Ledger {
  const { metrics } = config;
  return new Ledger({
    connectionString,
    // What goes wrong is thrown, and said at the end.
    log: pino({ level: 'silent' }),
    caps: {
      maxSeries: metrics.max_series,
      familyShare: metrics.family_share,
      maxSeriesByFamily: metrics.max_series_by_family,
    },
    policy: ledgerPolicyOf(config),
    readers: 1,
  });
}

/** @throws CliError with the first lines that are no events, before anything is recorded. */
async function checkFile(file: string, { skipInvalid }: ImportOptions): Promise<void> {
  const progress = await showProgress('Checking');
  const invalid: string[] = [];
  let count = 0;
  try {
    for await (const line of readLines(file, undefined, progress)) {
      if ('event' in line) continue;
      count += 1;
      if (invalid.length < SHOWN) invalid.push(describe(line));
    }
  } finally {
    progress.stop();
  }
  if (count === 0) return;
  const found = `${file}: ${count} lines are no valid events:\n  ${invalid.join('\n  ')}${count > SHOWN ? '\n  …' : ''}`;
  if (!skipInvalid) throw new CliError(`${found}\nNothing was imported; --skip-invalid leaves them out`);
  tell(found);
}

function describe({ number, reason }: { readonly number: number; readonly reason: string }): string {
  return printable(`line ${number}: ${reason}`);
}

async function importLines(ledger: Ledger, file: string, options: ImportOptions, config: Config): Promise<void> {
  const progress = await showProgress('Importing');
  const sources = new Set<string>();
  const done = { recorded: 0, duplicates: 0, skipped: 0, conflicts: [] as string[] };
  let batch: NormalisedEvent[] = [];
  const record = async () => {
    const result = await importEvents(ledger, batch, { intoLive: options.force ?? false });
    done.recorded += result.recorded;
    done.duplicates += result.duplicates;
    done.conflicts.push(...result.conflicts);
    for (const { source } of batch) sources.add(source);
    batch = [];
  };
  try {
    for await (const line of readLines(file, config, progress)) {
      if ('event' in line) batch.push(line.event);
      else if (options.skipInvalid) done.skipped += 1;
      else throw new CliError(`${describe(line)}. ${done.recorded} events before it were imported`);
      if (batch.length >= IMPORT_BATCH) await record();
    }
    if (batch.length > 0) await record();
  } catch (error) {
    if (!(error instanceof SourceIsLive)) throw error;
    const before = done.recorded === 0 ? 'Nothing was imported' : `${done.recorded} events before that were imported`;
    throw new CliError(
      `${error.message}: the counters of ${error.sources.join(', ')} would rise at once by what the history counts. ${before}. See \`fleetlens import --help\`; --force imports all the same.`,
      { cause: error },
    );
  } finally {
    progress.stop();
    // Also after a failure: what was imported is not hidden for good.
    if (sources.size > 0) await endImport(ledger, [...sources]);
  }
  tell(
    `${done.recorded} events recorded for ${[...sources].sort().join(', ') || 'no source'}, ${done.duplicates} duplicates` +
      (done.skipped > 0 ? `, ${done.skipped} invalid lines left out` : ''),
  );
  if (done.conflicts.length > 0) {
    throw new CliError(
      `${done.conflicts.length} events have ids that the ledger knows with another body, and were not recorded: ${done.conflicts
        .slice(0, SHOWN)
        .map(printable)
        .join(', ')}`,
    );
  }
}

/** Reads events line by line; empty lines are passed over. Progress goes by bytes of the file. */
async function* readLines(file: string, config: Config | undefined, progress: Progress): AsyncGenerator<Line> {
  const isStdin = file === STDIN;
  const input = isStdin ? process.stdin : createReadStream(file);
  const bytes = isStdin ? 0 : (await stat(file)).size;
  const isGzip = !isStdin && (await beginsWith(file, GZIP_MAGIC));
  // Not by readline, which also ends lines where Unicode does, and loses the last of many.
  const lines = split('\n');
  // The callback has nothing to do: what fails on the way is thrown where the lines are read.
  pipeline([input, ...(isGzip ? [createGunzip()] : []), lines], () => {});
  const limits =
    config === undefined
      ? undefined
      : { maxDepth: config.ingest.max_depth, maxTextLength: config.ingest.max_field_bytes };
  const nowMs = Date.now();
  let number = 0;
  for await (const text of lines as AsyncIterable<string>) {
    number += 1;
    if (text.trim() === '') continue;
    if (number % 500 === 0)
      progress.update(isStdin ? 0 : ((input as { bytesRead?: number }).bytesRead ?? 0), bytes, `${number} lines`);
    yield readLine(text, number, nowMs, limits);
  }
}

function readLine(text: string, number: number, nowMs: number, limits: Parameters<typeof normaliseEvent>[2]): Line {
  try {
    return { event: normaliseEvent(JSON.parse(text), nowMs, limits) };
  } catch (error) {
    if (error instanceof EventRejected || error instanceof SyntaxError) return { number, reason: error.message };
    throw error;
  }
}

async function beginsWith(file: string, magic: readonly number[]): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return bytesRead === magic.length && magic.every((byte, i) => buffer[i] === byte);
  } finally {
    await handle.close();
  }
}
