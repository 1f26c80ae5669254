import type { AlertName } from '../alertNames.ts';
import type { Case, Labels, Scene } from './scene.ts';

interface WindowRule {
  readonly alert: AlertName;
  readonly family: string;
  /** The labels that the rule counts, of one series. */
  readonly labels: Labels;
  /** Labels by which it groups: the same events spread over two values of one are not enough. */
  readonly by: readonly string[];
  /** Labels that it sums: events of two values together are enough. Two values each. */
  readonly sums?: Readonly<Record<string, readonly [string, string]>>;
  /** Values of labels that it does not count. */
  readonly others?: readonly Labels[];
  /** Just enough events, spread over more than half of the window; the counter begins at 0. */
  readonly enough: string;
  /** One event fewer, or as few as surely do not fire. */
  readonly tooFew?: string;
  /** Minute at which it fires. */
  readonly at: number;
  /** Minutes at which it fires no more: later than the window, sooner than twice the window. */
  readonly past: readonly number[];
  /** `at`, where it fires on, and what it would be too early at. */
  readonly also?: { readonly fires?: readonly number[]; readonly quiet?: readonly number[] };
  /** Minutes: the window of the exclusion of sources that catch up; undefined: exempt. */
  readonly catchUp: number | undefined;
  readonly sampleSeconds?: number;
  readonly more?: readonly Case[];
  /** Labels of the alert that differ from `by`. */
  readonly alertLabels?: Labels;
}

/** What holds of every rule that counts events of a counter over a window. */
export function windowScene(rule: WindowRule): Scene {
  const { alert, family, labels, by, enough, tooFew, at, past, also = {}, catchUp } = rule;
  const fireTimes = [at, ...(also.fires ?? [])];
  const grouped = Object.fromEntries(by.map((label) => [label, labels[label] ?? '']));
  const fires = (own: Labels = grouped) => Object.fromEntries(fireTimes.map((minute) => [minute, own]));
  const line = (steps: string, own: Labels = {}) => `${family}{${pairs({ source: '$', ...labels, ...own })}} ${steps}`;
  const catching = (steps: string) => `fleetlens_source_catching_up{source="$"} ${steps}`;
  const first = Number(/(\d+):/.exec(enough)?.[1]);

  const cases: Case[] = [
    { what: 'enough', series: [line(enough)], fires: fires() },
    { what: 'its series starts late', series: [line(enough.replace(/^0/, `_ ${first - 1}:0`))], fires: fires() },
    { what: 'its series stops', series: [line(`${enough} ${at + 1}:_`)], fires: fires() },
    { what: 'no series', series: [] },
    { what: 'counts but stands still', series: [line('500')] },
  ];
  if (tooFew !== undefined) {
    cases.push({ what: 'too few', series: [line(tooFew)] });
    for (const label of by)
      cases.push({
        what: `spread over two of ${label}`,
        series: [line(tooFew), line(tooFew, { [label]: other(rule, label) })],
      });
  }
  for (const [label, [one, two]] of Object.entries(rule.sums ?? {}))
    cases.push({
      what: `the sum of two of ${label}`,
      series: [line(halfOf(enough, 0), { [label]: one }), line(halfOf(enough, 1), { [label]: two })],
      fires: fires(),
    });
  for (const own of rule.others ?? [])
    cases.push({ what: `not counted ${pairs(own).replaceAll('"', '')}`, series: [line(enough, own)] });
  if (catchUp === undefined)
    cases.push({ what: 'catches up all the same', series: [line(enough), catching('1')], fires: fires() });
  else {
    cases.push(
      { what: 'catches up', series: [line(enough), catching('1')] },
      { what: 'has just caught up', series: [line(enough), catching(`1 ${Math.ceil(at - 0.8 * catchUp)}:0`)] },
      {
        what: 'caught up before the window',
        series: [line(enough), catching(`1 ${Math.floor(at - 1.05 * catchUp) - 1}:0`)],
        fires: fires(),
      },
      { what: 'nobody knows whether it catches up', series: [line(enough)], bare: true, fires: fires() },
    );
  }
  return {
    alert,
    // The second replica has not seen the first event: the first one counts.
    secondFrom: first + 1,
    at: [...fireTimes, ...(also.quiet ?? []), ...past].sort((a, b) => a - b),
    ...(rule.sampleSeconds === undefined ? {} : { sampleSeconds: rule.sampleSeconds }),
    ...(rule.alertLabels === undefined ? {} : { labels: rule.alertLabels }),
    cases: [...cases, ...(rule.more ?? [])],
  };
}

function pairs(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',');
}

function other({ labels, sums }: WindowRule, label: string): string {
  if (sums?.[label] !== undefined) throw new Error(`${label} is both grouped by and summed`);
  return ALTERNATIVES[labels[label] ?? ''] ?? `another ${labels[label]}`;
}

/** Labels whose other values the rule counts as well. */
const ALTERNATIVES: Readonly<Record<string, string>> = {
  api_key: 'timeout',
  handleIssueComment: 'handlePullRequest',
  redis: 'postgres',
  new: 'regressed',
};

/** Every second step of the counter, for one of two series that make it together. */
function halfOf(steps: string, which: 0 | 1): string {
  const [zero = '0', ...rises] = steps.split(' ');
  let value = 0;
  let before = 0;
  const own = rises.flatMap((token, i) => {
    const [minute, to = ''] = token.split(':');
    if (/^[+-]/.test(to)) return [`${minute}:${to.slice(0, 1)}${Number(to.slice(1)) / 2}`];
    const rise = Number(to) - before;
    before = Number(to);
    if (rise === 0 || i % 2 !== which) return [];
    value += rise;
    return [`${minute}:${value}`];
  });
  return [zero, ...own].join(' ');
}
