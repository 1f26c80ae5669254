import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onFreePort } from '../support/freePort.ts';
import { startServer } from '../support/serverProcess.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';
import { type Firing, firingsOf } from './alertStates.ts';
import type { Rule } from './readRules.ts';
import { remoteWrite, type SentSeries } from './remoteWrite.ts';
import { isIn, type ScrapedMonth } from './replayMonth.ts';
import { ENDED } from './seriesBook.ts';
import type { Span } from './steps.ts';
import { DAY_MS } from './world.ts';

/** A range query answers at most 11,000 points a series. */
const MOST_POINTS = 10_000;

export interface SimulatedPrometheus {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A real Prometheus that scrapes nothing and keeps all in its head: samples of a month are written to it, oldest first or not, and
 * none is compacted meanwhile.
 */
export async function startSimulatedPrometheus(): Promise<SimulatedPrometheus> {
  const directory = await temporaryDirectory('gameday');
  try {
    const config = join(directory.path, 'prometheus.yml');
    await writeFile(config, 'global: {}\n');
    const { url, prometheus } = await onFreePort(async (port) => ({
      url: `http://127.0.0.1:${port}`,
      prometheus: await startServer({
        command: 'prometheus',
        args: [
          `--config.file=${config}`,
          `--storage.tsdb.path=${join(directory.path, 'data')}`,
          '--storage.tsdb.retention.time=100y',
          // The head takes samples as old as half of its range.
          '--storage.tsdb.min-block-duration=200d',
          '--storage.tsdb.max-block-duration=200d',
          '--web.enable-remote-write-receiver',
          '--query.max-samples=500000000',
          '--query.timeout=30m',
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        // A month fits into memory many times over, and is gone soon.
        env: { ...process.env, GOGC: '400' },
        ready: async ({ output }) =>
          output().includes('Server is ready') && (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok,
      }),
    }));
    return {
      url,
      async stop() {
        // Its data is thrown away: nothing is worth the wait for an orderly end.
        await prometheus.kill('SIGKILL');
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

/** Writes what was scraped, but for the times when Prometheus was not there to scrape. */
export async function writeMonth(url: string, month: ScrapedMonth, gone: readonly Span[]): Promise<number> {
  const { book, intervalMs, scrapes } = month;
  const perRequest = Math.floor(DAY_MS / intervalMs);
  let samples = 0;
  const places = new Map([...book.series].map((series) => [series, -1]));
  for (let from = 0; from < scrapes; from += perRequest) {
    const request: SentSeries[] = [];
    for (const series of book.series) {
      let place = places.get(series) as number;
      const times: number[] = [];
      const values: (number | typeof ENDED)[] = [];
      for (let scrape = from; scrape < Math.min(from + perRequest, scrapes); scrape++) {
        const isChange = series.scrapes[place + 1] === scrape;
        if (isChange) place += 1;
        if (place < 0) continue;
        const value = series.values[place] as number | typeof ENDED;
        if (value === ENDED && !isChange) continue;
        const at = month.timeOf(series.target, scrape);
        if (gone.length > 0 && isIn(gone, at)) continue;
        times.push(at);
        values.push(value);
      }
      places.set(series, place);
      if (times.length > 0) request.push({ labels: series.labels, times, values });
      samples += times.length;
    }
    if (request.length > 0) await remoteWrite(url, request);
  }
  return samples;
}

export interface Evaluations {
  readonly startMs: number;
  readonly endMs: number;
  readonly intervalMs: number;
  /** When Prometheus was not there, to scrape or to evaluate. */
  readonly gone: readonly Span[];
}

/** Places of evaluations, both ends included. */
export type StepRange = readonly [first: number, last: number];

type Answer = readonly {
  readonly metric: Readonly<Record<string, string>>;
  readonly times: readonly number[];
  readonly values: readonly number[];
}[];

/** Evaluates an expression at evaluations of the month. */
async function evaluate(
  url: string,
  expr: string,
  { startMs, intervalMs, gone }: Evaluations,
  ranges: readonly StepRange[],
): Promise<Answer> {
  const all = new Map<string, { metric: Record<string, string>; times: number[]; values: number[] }>();
  for (const [first, last] of ranges.flatMap(inRequests)) {
    const [from, to] = [startMs + first * intervalMs, startMs + last * intervalMs];
    const response = await fetch(`${url}/api/v1/query_range`, {
      method: 'POST',
      body: new URLSearchParams({
        query: expr,
        start: String(from / 1_000),
        end: String(to / 1_000),
        step: String(intervalMs / 1_000),
      }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Prometheus answered ${response.status} to ${expr}: ${text}`);
    const { data } = JSON.parse(text) as {
      data: { result: { metric: Record<string, string>; values: [number, string][] }[] };
    };
    for (const { metric, values } of data.result) {
      const key = JSON.stringify(Object.entries(metric).sort());
      const series = all.get(key) ?? { metric, times: [], values: [] };
      all.set(key, series);
      for (const [seconds, value] of values) {
        const at = Math.round(seconds * 1_000);
        if (gone.length > 0 && isIn(gone, at)) continue;
        series.times.push(at);
        series.values.push(Number(value.replace('Inf', 'Infinity')));
      }
    }
  }
  return [...all.values()];
}

function inRequests([first, last]: StepRange): StepRange[] {
  const requests: StepRange[] = [];
  for (let from = first; from <= last; from += MOST_POINTS)
    requests.push([from, Math.min(from + MOST_POINTS - 1, last)]);
  return requests;
}

/**
 * Evaluates the rules as Prometheus does, group after group, at every evaluation of the month at which they could tell something.
 * @returns what fired
 */
export async function evaluateRules(
  url: string,
  rules: readonly Rule[],
  evaluations: Evaluations,
  needed: ReadonlyMap<Rule, readonly StepRange[]>,
  onProgress: (rule: Rule, seconds: number) => void = () => {},
): Promise<Firing[]> {
  const { startMs, endMs, intervalMs, gone } = evaluations;
  const times: number[] = [];
  for (let at = startMs; at < endMs; at += intervalMs) if (!isIn(gone, at)) times.push(at);
  const wasRestarted = (from: number, to: number) => gone.some((span) => span.from < to && from < span.to);
  const firings: Firing[] = [];
  for (const rule of rules) {
    const started = performance.now();
    const answer = await evaluate(url, rule.expr, evaluations, needed.get(rule) ?? []);
    if (rule.record !== undefined) await writeRecorded(url, rule.record, rule, answer, evaluations);
    else
      for (const { metric, times: held } of answer) {
        const { __name__: _name, ...labels } = metric;
        const isTrue = new Set(held);
        for (const span of firingsOf(times, (at) => isTrue.has(at), rule, wasRestarted))
          firings.push({ ...span, alert: rule.alert as string, labels: { ...labels, ...rule.labels } });
      }
    onProgress(rule, (performance.now() - started) / 1_000);
  }
  return firings;
}

/** What a recording rule says; where a series is not in the answer any more, it ends. Prometheus that stops ends nothing. */
async function writeRecorded(
  url: string,
  record: string,
  { labels }: Rule,
  answer: Answer,
  { intervalMs, gone }: Evaluations,
): Promise<void> {
  const series = answer.map(({ metric, times, values }): SentSeries => {
    const named = { ...metric, ...labels, __name__: record };
    const sentTimes: number[] = [];
    const sentValues: (number | typeof ENDED)[] = [];
    times.forEach((at, i) => {
      sentTimes.push(at);
      sentValues.push(values[i] as number);
      const next = times[i + 1];
      if ((next === undefined || next > at + intervalMs) && !isIn(gone, at + intervalMs)) {
        sentTimes.push(at + intervalMs);
        sentValues.push(ENDED);
      }
    });
    return { labels: Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1)), times: sentTimes, values: sentValues };
  });
  if (series.length > 0) await remoteWrite(url, series);
}
