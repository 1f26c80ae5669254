import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { PassThrough, Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type pg from 'pg';
import { costFromOf } from '../ledger/costFrom.ts';
import { exportEvents } from '../ledger/history/exportEvents.ts';
import { readHistory } from '../ledger/history/readHistory.ts';
import { countSamples, historyText } from '../metrics/historyText.ts';
import type { ExportOptions } from './export.ts';
import { type OpenedLedger, withLedger } from './openLedger.ts';
import { tell } from './printOutput.ts';
import { showProgress } from './progress.ts';

const STDOUT = '-';

export async function exportLedgerCommand(options: ExportOptions): Promise<void> {
  await withLedger(options, async (ledger) => {
    const client = await ledger.pool.connect();
    let failure: Error | undefined;
    try {
      await client.query('begin isolation level repeatable read read only');
      const text = options.format === 'ndjson' ? ndjson(client, options) : await openmetrics(client, options, ledger);
      await writeOut(text, options.output);
      await client.query('commit');
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      // A connection in the middle of a cursor is closed, not used again.
      client.release(failure);
    }
  });
}

async function* ndjson(client: pg.PoolClient, { since, until, kind }: ExportOptions): AsyncGenerator<string> {
  const progress = await showProgress('Exporting');
  let count = 0;
  try {
    for await (const event of exportEvents(client, { since, until, kinds: kind })) {
      count += 1;
      if (count % 1_000 === 0) progress.update(count, 0, `${count} events`);
      yield `${JSON.stringify(event)}\n`;
    }
  } finally {
    progress.stop();
  }
  tell(`${count} events exported.`);
}

async function openmetrics(
  client: pg.PoolClient,
  { since, until, step, label, dense }: ExportOptions,
  { config }: OpenedLedger,
): Promise<Iterable<string>> {
  const nowMs = Date.now();
  const progress = await showProgress('Reading');
  const history = await readHistory(client, {
    stepMs: step,
    nowMs,
    costFrom: costFromOf(config.sources),
    onProgress: (done, total) => progress.update(done, total, `${done} records`),
  }).finally(() => progress.stop());
  const firstMs = history.reduce(
    (first, { growths }) => [...growths.keys()].reduce((a, b) => Math.min(a, b), first),
    nowMs,
  );
  const untilMs = Math.floor((until === undefined ? nowMs : Date.parse(until)) / step) * step;
  // A step more than the first growth, for the 0 before it.
  const sinceMs = since === undefined ? firstMs - step : Math.ceil(Date.parse(since) / step) * step;
  const options = {
    stepMs: step,
    sinceMs,
    untilMs,
    dense: dense ?? false,
    ...(label === undefined ? {} : { labels: label }),
  };
  tell(
    `${history.length} label sets, ${countSamples(history, options)} samples from ${new Date(sinceMs).toISOString()} to ${new Date(untilMs).toISOString()}.`,
  );
  return historyText(history, options);
}

/** A file bears its name once it is whole. */
async function writeOut(text: Iterable<string> | AsyncIterable<string>, output: string): Promise<void> {
  if (output === STDOUT) return await pipe(text, process.stdout, false);
  const unfinished = `${output}.unfinished`;
  try {
    await pipe(text, createWriteStream(unfinished, { mode: 0o600, flush: true }), output.endsWith('.gz'));
    await rename(unfinished, output);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function pipe(text: Iterable<string> | AsyncIterable<string>, target: Writable, packed: boolean): Promise<void> {
  // Standard output stays open: others may still write to it.
  const options = { end: target !== process.stdout };
  await pipeline(Readable.from(text), packed ? createGzip() : new PassThrough(), target, options);
}
