import { Random } from '../../exporter/src/demo/random.ts';
import { drawTimeline } from './drawTimeline.ts';
import { openMemoryLedger } from './memoryLedger.ts';
import { everyStep, neededSteps } from './neededSteps.ts';
import { judgeByRecords } from './oracle/judgeByRecords.ts';
import { pagesOf } from './pages.ts';
import type { Routing } from './readRouting.ts';
import type { Rule } from './readRules.ts';
import { familiesIn, replayMonth } from './replayMonth.ts';
import { type Score, scorePages } from './score.ts';
import { evaluateRules, startSimulatedPrometheus, writeMonth } from './simulatedPrometheus.ts';

export interface MonthOptions {
  readonly seed: string;
  readonly days: number;
  /** Scrapes and evaluations, milliseconds. */
  readonly intervalMs: number;
  readonly rules: readonly Rule[];
  readonly routing: Routing;
  /** Names of incidents; default: all. */
  readonly only?: readonly string[];
  /** Each rule is evaluated at every evaluation, also where it cannot tell anything. Takes twice as long; default: off. */
  readonly throughout?: boolean;
  readonly say?: (line: string) => void;
}

/** One simulated month from the draw to the score. */
export async function simulateMonth(options: MonthOptions): Promise<Score> {
  const { seed, days, intervalMs, rules, routing, only, throughout = false, say = () => {} } = options;
  let since = performance.now();
  const tell = (what: string) => {
    say(`${seed}: ${what} (${((performance.now() - since) / 1_000).toFixed(1)} s)`);
    since = performance.now();
  };
  const timeline = drawTimeline({ seed, days, ...(only === undefined ? {} : { only }) });
  const conditions = judgeByRecords(timeline);
  tell(
    `${timeline.happenings.length} events, ${timeline.incidents.length} incidents, ${timeline.oddities.length} oddities; the oracle has spoken`,
  );
  // Prometheus spreads the scrapes of its targets over the interval, and evaluates at a moment of its own.
  const random = new Random(seed, 'prometheus');
  const offsets = new Map<string, number>();
  const offsetMs = (target: string) => {
    const offset = offsets.get(target) ?? random.integer(0, intervalMs - 1);
    offsets.set(target, offset);
    return offset;
  };
  const month = await replayMonth(timeline, {
    ledger: openMemoryLedger(timeline.startMs),
    intervalMs,
    families: familiesIn(rules.map(({ expr }) => expr)),
    offsetMs,
  });
  tell(`${month.scrapes} scrapes of ${month.book.size} series`);
  const prometheus = await startSimulatedPrometheus();
  try {
    const gone = timeline.outages.filter((outage) => outage.of === 'prometheus');
    const samples = await writeMonth(prometheus.url, month, gone);
    tell(`${samples} samples written`);
    const startMs = timeline.startMs + random.integer(0, intervalMs - 1);
    const slow: string[] = [];
    const evaluations = { startMs, endMs: timeline.endMs, intervalMs, gone };
    const needed = throughout ? everyStep(rules, evaluations) : neededSteps(rules, month, evaluations);
    const firings = await evaluateRules(prometheus.url, rules, evaluations, needed, (rule, seconds) => {
      if (seconds > 10) slow.push(`${rule.record ?? rule.alert} ${seconds.toFixed(0)} s`);
    });
    tell(`${rules.length} rules evaluated${slow.length > 0 ? `; slow: ${slow.join(', ')}` : ''}`);
    const pages = pagesOf(firings, routing.inhibitRules, routing.groupIntervalMs);
    return scorePages({ timeline, conditions, rules, firings, pages, intervalMs, wasBorn: month.wasBorn });
  } finally {
    await prometheus.stop();
  }
}
