import { CHAIN_OPEN_STATUSES, OPEN_STATUSES, SANDBOX_OPEN_STATUSES } from '../../exporter/src/contract/status.ts';
import type { simulateFleet } from '../../exporter/src/demo/index.ts';

type FleetEvent = ReturnType<typeof simulateFleet> extends Iterable<infer E> ? E : never;

const STEP_MS = 15 * 60_000;
/** By kind of record: the gauge of the open ones, what identifies a record, the gauge's labels and states. */
const GAUGES = [
  { kind: 'run', family: 'fleet_runs', id: 'runId', labels: ['project', 'workflow'], open: OPEN_STATUSES },
  { kind: 'chain', family: 'fleet_chains', id: 'chainId', labels: ['project'], open: CHAIN_OPEN_STATUSES },
  { kind: 'sandbox', family: 'fleet_sandboxes', id: 'sandboxId', labels: ['project'], open: SANDBOX_OPEN_STATUSES },
] as const;
type Gauge = (typeof GAUGES)[number];

interface Counts {
  readonly gauge: Gauge;
  /** `source="…",project="…"` */
  readonly labels: string;
  readonly open: Map<string, number>;
  readonly samples: string[];
}

/**
 * What scrapes would have seen of a history in the gauges that count open records: the exporter exports the past of counters and
 * histograms alone.
 * @param target - labels of the scraped target
 * @returns OpenMetrics, for `promtool tsdb create-blocks-from`
 */
export function gaugeHistory(events: Iterable<FleetEvent>, target: Readonly<Record<string, string>>): string {
  const counts = new Map<string, Counts>();
  const states = new Map<string, { status?: string; readonly of: Counts }>();
  const move = ({ open }: Counts, status: string | undefined, by: number) => {
    if (status !== undefined && open.has(status)) open.set(status, (open.get(status) ?? 0) + by);
  };
  let nextMs: number | undefined;
  for (const { kind, source, at, data } of events) {
    const ms = Date.parse(at);
    nextMs ??= Math.ceil(ms / STEP_MS) * STEP_MS;
    for (; nextMs <= ms; nextMs += STEP_MS) for (const of of counts.values()) sample(of, nextMs, target);
    const gauge = GAUGES.find((one) => one.kind === kind);
    if (gauge === undefined) continue;
    const key = `${kind} ${source} ${data[gauge.id]}`;
    let state = states.get(key);
    if (state === undefined) {
      const labels = [`source="${source}"`, ...gauge.labels.map((name) => `${name}="${data[name] ?? ''}"`)].join(',');
      const series = `${gauge.family} ${labels}`;
      const of = counts.get(series) ?? {
        gauge,
        labels,
        open: new Map(gauge.open.map((name) => [name, 0])),
        samples: [],
      };
      counts.set(series, of);
      state = { of };
      states.set(key, state);
    }
    if (typeof data.status !== 'string') continue;
    move(state.of, state.status, -1);
    state.status = data.status;
    move(state.of, state.status, 1);
  }
  const families = GAUGES.map(({ family }) => [
    `# TYPE ${family} gauge`,
    ...[...counts.values()].filter(({ gauge }) => gauge.family === family).flatMap(({ samples }) => samples),
  ]);
  return `${families.flat().join('\n')}\n# EOF\n`;
}

function sample({ gauge, labels, open, samples }: Counts, ms: number, target: Readonly<Record<string, string>>): void {
  const own = Object.entries(target).map(([name, value]) => `,${name}="${value}"`);
  for (const [status, count] of open) {
    samples.push(`${gauge.family}{${labels},status="${status}"${own.join('')}} ${count} ${ms / 1000}`);
  }
}
