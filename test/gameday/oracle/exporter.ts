import { atDeadline, combine, type Point, type Steps } from '../steps.ts';
import {
  CRITICAL,
  CRUCIBLE,
  DAY_MS,
  ERROR_SERIES_CAP,
  HOUR_MS,
  LEGACY,
  MINUTE_MS,
  POLL_MS,
  REPLICAS,
} from '../world.ts';
import { atLeast, type EventHappening, type Evidence, fresh, groups, text, whileBetween } from './evidence.ts';

/** The exporter itself: its sources, its ledger, its replicas. */
export function judgeExporter({ say, of, events, timeline }: Evidence): void {
  const { happenings, outages, endMs } = timeline;
  const spansOfOutage = (kind: string) => outages.filter((o) => o.of === kind);
  const pollerGone = outages
    .filter((o) => o.of === 'replica' && o.replica === REPLICAS[0])
    .sort((a, b) => a.from - b.from);
  for (const outage of spansOfOutage('source')) {
    if (outage.of !== 'source') continue;
    const again = Math.ceil(outage.to / POLL_MS) * POLL_MS;
    // An exporter knows of no success before its own start: that stands for it (alerts.md, "Edges").
    const pauses = pollerGone.filter(({ from, to }) => outage.from < to && from < again);
    const begins = [Math.floor((outage.from - 1) / POLL_MS) * POLL_MS, ...pauses.map(({ to }) => to)];
    const steps = begins.flatMap((since, i) =>
      whileBetween(since + 5 * MINUTE_MS, Math.min(again, pauses[i]?.from ?? Number.POSITIVE_INFINITY)),
    );
    say('FleetSourceStale', { source: outage.source }, steps);
  }
  for (const { from, to } of spansOfOutage('ledger')) {
    say('FleetLedgerDown', {}, whileBetween(from, to));
    // Who cannot write what it reads has not polled.
    const polled = [CRUCIBLE, LEGACY].filter((name) => events.some(({ source, at }) => source === name && at <= from));
    for (const source of polled) say('FleetSourceStale', { source }, whileBetween(from + 5 * MINUTE_MS, to));
  }
  // A replica that is no target is nobody's business; with none left of those that are, the exporter is gone.
  const stateOf = (replica: string): Steps<'absent' | 'down' | 'up'> => {
    const spans = outages.filter((o) => (o.of === 'target' || o.of === 'replica') && o.replica === replica);
    const at = (ms: number) => {
      const of = spans.filter(({ from, to }) => from <= ms && ms < to).map((o) => o.of);
      return of.includes('target') ? 'absent' : of.includes('replica') ? 'down' : 'up';
    };
    const edges = spans.flatMap(({ from, to }) => [from, to]);
    return [timeline.startMs, ...edges.sort((x, y) => x - y)].map((ms) => ({ at: ms, value: at(ms) }));
  };
  const states = REPLICAS.map(stateOf);
  REPLICAS.forEach((instance, i) => {
    const [own = [], others = []] = [states[i], states[1 - i]];
    say(
      'FleetReplicaDown',
      { instance },
      combine([own, others], (mine, other) => mine === 'down' && other === 'up'),
    );
  });
  say(
    'FleetExporterDown',
    {},
    combine([states[0] ?? [], states[1] ?? []], (a, b) => (a === 'down' && b !== 'up') || (b === 'down' && a !== 'up')),
  );
  const verified = happenings.filter((h) => h.what === 'verified');
  say(
    'FleetLedgerMismatch',
    {},
    verified.map(({ at, mismatches }) => ({ at, value: mismatches > 0 })),
  );
  for (const [labels, some] of groups(
    happenings.filter((h) => h.what === 'deadLetters'),
    ({ source }) => ({ source }),
  ))
    say(
      'FleetDeadLetters',
      labels,
      some.map(({ at, count }) => ({ at, value: count > 0 })),
    );
  for (const [labels, some] of groups(
    happenings.filter((h) => h.what === 'refused'),
    ({ source }) => ({ source }),
  ))
    say(
      'FleetIngestRefused',
      labels,
      atLeast(
        some.map(({ at, count }) => ({ at, by: count })),
        1,
        5 * MINUTE_MS,
      ),
    );
  say(
    'FleetSeriesFolded',
    { family: 'fleet_errors_total' },
    atLeast(foldsOf(of('platformError').filter(fresh)), 1, HOUR_MS),
  );
  for (const [labels, some] of groups(
    events.filter(({ source }) => source !== CRUCIBLE && source !== LEGACY),
    ({ source }) => ({ source }),
  ))
    say('FleetIngestSilent', labels, silenceOf(some, endMs));
}

/** Components that came when there was no room for another one. */
function foldsOf(errors: readonly EventHappening[]): Point[] {
  const critical: readonly string[] = CRITICAL;
  const known = new Set<string>();
  const folded = new Set<string>();
  const points: Point[] = [];
  for (const { source, data, saidAt } of errors) {
    // Those that an alert names take no room and need none.
    if (critical.includes(text(data.component))) continue;
    const key = `${source} ${text(data.component)}`;
    if (known.has(key) || folded.has(key)) continue;
    if (known.size < ERROR_SERIES_CAP) known.add(key);
    else {
      folded.add(key);
      points.push({ at: saidAt, by: 1 });
    }
  }
  return points;
}

/** Nothing for three times the usual gap (p99 of the last 14 days, up to a power of two of seconds), and for an hour at least. */
function silenceOf(events: readonly EventHappening[], endMs: number): Steps<boolean> {
  const gaps: { at: number; gap: number }[] = [];
  const news: { at: number; last: number }[] = [];
  let last: number | undefined;
  // History counts, too: who tells late what happened at three was heard of until three.
  const said = events.map(({ at, saidAt }) => ({ at, last: Math.min(saidAt, at) }));
  for (const one of said.sort((a, b) => a.at - b.at || a.last - b.last)) {
    if (last !== undefined && one.last <= last) continue;
    if (last !== undefined) gaps.push({ at: one.last, gap: (one.last - last) / 1_000 });
    last = one.last;
    news.push(one);
  }
  return atDeadline(
    news.map(({ at, last }, i) => {
      const next = news[i + 1]?.at ?? endMs;
      if (next - last < HOUR_MS) return { at, value: undefined };
      const days = Math.floor(at / DAY_MS) - 14;
      const recent = gaps.slice(0, i).filter((g) => Math.floor(g.at / DAY_MS) > days);
      if (recent.length < 20) return { at, value: undefined };
      const inOrder = recent.map(({ gap }) => gap).sort((a, b) => a - b);
      const p99 = inOrder[Math.ceil(inOrder.length * 0.99) - 1] as number;
      return { at, value: last + Math.max(3 * 2 ** Math.ceil(Math.log2(p99)), 3_600) * 1_000 };
    }),
  );
}
