import { ALERT_SEVERITIES, type AlertName } from '../alertNames.ts';

export type Labels = Readonly<Record<string, string>>;

/**
 * One alert before many sources, one for each case, so that one run of promtool tells all of them. The name of a case is its source.
 * Every scene is played with one replica of the exporter and with two.
 */
export interface Scene {
  readonly alert: AlertName;
  readonly cases: readonly Case[];
  /** Minutes since the start at which the alerts that fire are compared: exactly those that the cases name. */
  readonly at: readonly number[];
  /** Seconds between samples; default 60. */
  readonly sampleSeconds?: number;
  /** Labels that every alert of the scene has. */
  readonly labels?: Labels;
  /** The label that a case's name stands in, in place of `source`; null: none, the scene has one case. */
  readonly key?: string | null;
  /** Minute at which the second replica starts; default 4 samples after the first. */
  readonly secondFrom?: number;
}

export interface Case {
  readonly what: string;
  /**
   * `family{source="$",project="p"} 0 70:1 90:2`: `$` is the name of the case; then values, each from a minute on: a number; `+2` or
   * `-2`: changes by so much a minute; `=-5`: a negative number; `_`: absent. A `fleetlens_source_catching_up` of 0 is added where a case has none of its own.
   */
  readonly series: readonly string[];
  /** By minute: the labels of the alerts that fire then, beside those of the scene and the case. Not named: none. */
  readonly fires?: Readonly<Record<number, Labels | readonly Labels[]>>;
  /** Without the added `fleetlens_source_catching_up`. */
  readonly bare?: true;
}

type Sample = number | undefined;

/** A second replica starts so much later. */
const LATER_SAMPLES = 4;
const REPLICAS = ['exporter-1:9960', 'exporter-2:9960'];

/** The group of a promtool test file in which the scene is played. */
export function promtoolTest(scene: Scene, replicas: 1 | 2): object {
  const { alert, cases, at, sampleSeconds = 60, key = 'source' } = scene;
  const second = scene.secondFrom === undefined ? LATER_SAMPLES : (scene.secondFrom * 60) / sampleSeconds;
  const length = Math.floor((Math.max(...at) * 60) / sampleSeconds) + 1;
  const series = cases.flatMap((one) =>
    seriesOf(one, key).flatMap((line) => {
      const [selector, steps] = splitSeries(line.replaceAll('$', one.what));
      return REPLICAS.slice(0, replicas).map((instance, replica) => ({
        series: withReplica(selector, instance),
        values: compact(
          samples(steps, sampleSeconds / 60, length).map((value, i) => (replica > 0 && i < second ? undefined : value)),
        ),
      }));
    }),
  );
  return {
    name: `${alert}: ${replicas === 1 ? 'one replica' : 'two replicas'}`,
    interval: `${sampleSeconds}s`,
    input_series: series,
    promql_expr_test: at.map((minute) => ({
      expr: `ALERTS{alertname="${alert}",alertstate="firing"}`,
      eval_time: `${minute}m`,
      exp_samples: cases.flatMap((one) =>
        firing(one, minute).map((labels) => ({ labels: alertSeries(scene, one, labels), value: 1 })),
      ),
    })),
  };
}

function firing({ fires }: Case, minute: number): readonly Labels[] {
  const labels = fires?.[minute];
  if (labels === undefined) return [];
  return Array.isArray(labels) ? labels : [labels as Labels];
}

function alertSeries({ alert, labels = {}, key = 'source' }: Scene, one: Case, own: Labels): string {
  const all = {
    alertname: alert,
    alertstate: 'firing',
    severity: ALERT_SEVERITIES[alert],
    ...(key === null ? {} : { [key]: one.what }),
    ...labels,
    ...own,
  };
  return `ALERTS{${Object.entries(all)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}}`;
}

function seriesOf({ series, bare }: Case, key: string | null): readonly string[] {
  if (key !== 'source' || bare || series.some((line) => line.includes('fleetlens_source_catching_up'))) return series;
  return [...series, 'fleetlens_source_catching_up{source="$"} 0'];
}

function splitSeries(line: string): [selector: string, steps: string] {
  const end = line.indexOf('} ');
  if (end === -1) throw new Error(`found the series "${line}", expected "family{labels} values"`);
  return [line.slice(0, end + 1), line.slice(end + 2)];
}

function withReplica(selector: string, instance: string): string {
  if (/[{,](instance|job)=/.test(selector)) return selector;
  return selector.replace('{', `{job="fleetlens",instance="${instance}"${selector.includes('{}') ? '' : ','}`);
}

/** The value at each sample of what `Case.series` says. */
function samples(steps: string, minutesApart: number, length: number): Sample[] {
  const parsed = steps.split(' ').map((token) => {
    const [from, value] = token.includes(':') ? (token.split(':') as [string, string]) : (['0', token] as const);
    return { from: Number(from), value, isSlope: token.includes(':') && /^[+-]/.test(value) };
  });
  const result: Sample[] = [];
  let last = 0;
  let before: (typeof parsed)[number] | undefined;
  for (let i = 0; i < length; i++) {
    const minute = i * minutesApart;
    const step = parsed.findLast(({ from }) => from <= minute + 1e-9);
    if (step === undefined || step.value === '_') result.push(undefined);
    else {
      if (!step.isSlope) last = Number(step.value.replace('=', ''));
      // What changes from a minute on has not changed yet then.
      else {
        const during = step === before ? step : before;
        if (during?.isSlope) last += Number(during.value) * minutesApart;
      }
      result.push(Number(last.toFixed(6)));
    }
    before = step;
  }
  return result;
}

/** promtool's notation: `0+1x3` is 0 1 2 3, `_x3` is three samples that are not there; what ends is marked stale, as a scrape does. */
function compact(values: readonly Sample[]): string {
  const parts: string[] = [];
  for (let i = 0; i < values.length; ) {
    const first = values[i];
    const next = values[i + 1];
    const slope = first === undefined || next === undefined ? undefined : Number((next - first).toFixed(6));
    let end = i + 1;
    while (end < values.length && continues(first, slope, end - i, values[end])) end++;
    const more = end - i - 1;
    if (first === undefined)
      parts.push(i === 0 ? `_x${more + 1}` : ['stale', ...(more === 0 ? [] : [`_x${more}`])].join(' '));
    else parts.push(more === 0 ? String(first) : `${first}${(slope ?? 0) < 0 ? '' : '+'}${slope}x${more}`);
    i = end;
  }
  return parts.join(' ');
}

function continues(first: Sample, slope: number | undefined, steps: number, value: Sample): boolean {
  if (first === undefined || value === undefined) return first === value;
  return slope !== undefined && Math.abs(first + slope * steps - value) < 1e-9;
}
