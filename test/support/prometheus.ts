import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { onFreePort } from './freePort.ts';
import { type ServerProcess, startServer } from './serverProcess.ts';
import { temporaryDirectory } from './temporaryDirectory.ts';

export interface PrometheusOptions {
  /** Scraped as job `fleetlens`: `127.0.0.1:9960`, with or without `http://`. Each is an instance. */
  readonly targets?: readonly string[];
  /** Further parts of prometheus.yml; `scrape_configs` here replaces the job made of `targets`. */
  readonly config?: { readonly global?: object; readonly [part: string]: unknown };
  /** Rule files by name, each the content of a file (an object is written as YAML). */
  readonly ruleFiles?: Readonly<Record<string, string | object>>;
  /** A directory with blocks, say of `promtool tsdb create-blocks-from`; it is not removed. Default: a temporary one. */
  readonly dataDir?: string;
}

export type LabelSet = Readonly<Record<string, string>>;
export interface Sample {
  readonly metric: LabelSet;
  /** Seconds since 1970. */
  readonly time: number;
  readonly value: number;
}
export interface Series {
  readonly metric: LabelSet;
  readonly values: readonly { readonly time: number; readonly value: number }[];
}
export interface ExemplarSeries {
  readonly seriesLabels: LabelSet;
  readonly exemplars: readonly { readonly labels: LabelSet; readonly value: number; readonly time: number }[];
}
export interface Target {
  readonly instance: string;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
}

export interface PrometheusServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly process: ServerProcess;
  /** An instant query that gives a vector or a scalar. `time`: seconds since 1970, default now. */
  query(expression: string, time?: number): Promise<Sample[]>;
  /** start and end in seconds since 1970, step in seconds. */
  queryRange(expression: string, range: { start: number; end: number; step: number }): Promise<Series[]>;
  queryExemplars(expression: string, range: { start: number; end: number }): Promise<ExemplarSeries[]>;
  targets(): Promise<Target[]>;
  /** Writes a new configuration and makes Prometheus read it. */
  reload(options: Omit<PrometheusOptions, 'dataDir'>): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A real Prometheus on a free port: scrapes every second, keeps exemplars, stores in a temporary directory. Its discovery
 * hands targets over every 5 s, so the first scrape comes about 5 s after a start or a reload: share one among the tests of a file.
 */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<PrometheusServer> {
  const directory = await temporaryDirectory('prometheus');
  const configFile = join(directory.path, 'prometheus.yml');
  try {
    await writeConfig(directory.path, configFile, options);
    const { url, process } = await onFreePort((port) =>
      start(port, configFile, options.dataDir ?? join(directory.path, 'data')),
    );
    const ask = <T>(path: string, parameters: Record<string, string>) =>
      get<T>(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    return {
      url,
      process,
      async query(expression, time) {
        const answer = await ask<InstantAnswer>('query', {
          query: expression,
          ...(time === undefined ? {} : { time: String(time) }),
        });
        return readInstant(expression, answer);
      },
      async queryRange(expression, { start, end, step }) {
        const answer = await ask<RangeAnswer>('query_range', {
          query: expression,
          start: String(start),
          end: String(end),
          step: String(step),
        });
        return answer.result.map(({ metric, values }) => ({
          metric,
          values: values.map(([time, value]) => ({ time, value: readValue(value) })),
        }));
      },
      async queryExemplars(expression, { start, end }) {
        const answer = await ask<ExemplarAnswer>('query_exemplars', {
          query: expression,
          start: String(start),
          end: String(end),
        });
        return answer.map(({ seriesLabels, exemplars }) => ({
          seriesLabels,
          exemplars: exemplars.map(({ labels, value, timestamp }) => ({
            labels,
            value: readValue(value),
            time: timestamp,
          })),
        }));
      },
      async targets() {
        const answer = await ask<TargetsAnswer>('targets', { state: 'active' });
        return answer.activeTargets.map(({ labels, health, lastError }) => ({
          instance: labels.instance ?? '',
          health,
          lastError,
        }));
      },
      async reload(changed) {
        await writeConfig(directory.path, configFile, changed);
        const response = await fetch(`${url}/-/reload`, { method: 'POST' });
        if (!response.ok)
          throw new Error(`Prometheus refused the configuration (${response.status}): ${await response.text()}`);
      },
      async stop() {
        await process.stop();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

async function start(port: number, configFile: string, dataDir: string) {
  const url = `http://127.0.0.1:${port}`;
  const process = await startServer({
    command: 'prometheus',
    args: [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${dataDir}`,
      // Blocks of old history (backfills) are kept: the default would drop them after 15 days.
      '--storage.tsdb.retention.time=10y',
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-lifecycle',
      '--enable-feature=exemplar-storage',
    ],
    ready: async ({ output }) => output().includes('Server is ready') && (await fetch(`${url}/-/ready`)).ok,
  });
  return { url, process };
}

async function writeConfig(
  directory: string,
  configFile: string,
  options: Omit<PrometheusOptions, 'dataDir'>,
): Promise<void> {
  const ruleFiles = Object.entries(options.ruleFiles ?? {});
  for (const [name, content] of ruleFiles) {
    await writeFile(join(directory, name), typeof content === 'string' ? content : stringify(content));
  }
  const targets = (options.targets ?? []).map((target) => target.replace(/^https?:\/\//, ''));
  const { global, ...config } = options.config ?? {};
  const content = {
    global: {
      scrape_interval: '1s',
      scrape_timeout: '1s',
      evaluation_interval: '1s',
      ...global,
    },
    storage: { exemplars: { max_exemplars: 100_000 } },
    rule_files: ruleFiles.map(([name]) => name),
    scrape_configs: [{ job_name: 'fleetlens', static_configs: [{ targets }] }],
    ...config,
  };
  await writeFile(configFile, stringify(content));
}

// The shapes of Prometheus' stable HTTP API v1 (https://prometheus.io/docs/prometheus/latest/querying/api/).
type RawPair = [number, string];
type InstantAnswer =
  | { resultType: 'vector'; result: { metric: LabelSet; value: RawPair }[] }
  | { resultType: 'scalar'; result: RawPair }
  | { resultType: 'matrix' | 'string'; result: unknown };
type RangeAnswer = { result: { metric: LabelSet; values: RawPair[] }[] };
type ExemplarAnswer = { seriesLabels: LabelSet; exemplars: { labels: LabelSet; value: string; timestamp: number }[] }[];
type TargetsAnswer = { activeTargets: { labels: LabelSet; health: Target['health']; lastError: string }[] };

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`Prometheus answered ${response.status} to ${url}: ${text}`);
  const answer: { status: string; data: T } = JSON.parse(text);
  if (answer.status !== 'success') throw new Error(`Prometheus answered ${text} to ${url}`);
  return answer.data;
}

function readInstant(expression: string, answer: InstantAnswer): Sample[] {
  switch (answer.resultType) {
    case 'vector':
      return answer.result.map(({ metric, value: [time, value] }) => ({ metric, time, value: readValue(value) }));
    case 'scalar':
      return [{ metric: {}, time: answer.result[0], value: readValue(answer.result[1]) }];
    default:
      throw new Error(
        `${expression} gives a ${answer.resultType}; expected a vector or a scalar (use queryRange for series)`,
      );
  }
}

/** Prometheus writes +Inf and -Inf, which Number() does not read. */
function readValue(text: string): number {
  return Number(text.replace(/Inf$/, 'Infinity'));
}
