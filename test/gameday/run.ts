/**
 * `npm run gameday`: a simulated fleet lives through 30 days with labelled incidents among many innocent oddities; the shipped rules
 * are evaluated by a real Prometheus in simulated time, and what they page is held against an oracle that reads the records alone.
 * `--seeds 20 --days 30 --interval 60` (seconds, of scrapes and evaluations), `--seed`, `--json <file>` for the scores, `--no-real-time`.
 * `--throughout`: every rule at every evaluation, also where it cannot tell anything.
 * `--scores <file>`, more than once: tells what earlier runs wrote with --json, together.
 * Ends with 1 where something was not found in time, was false, or was told twice.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readRouting } from './readRouting.ts';
import { readRules } from './readRules.ts';
import { playInRealTime, type RealTimeScore } from './realTime.ts';
import type { Score } from './score.ts';
import { isMet, scoreDetails, scoreTable } from './scoreTable.ts';
import { simulateMonth } from './simulateMonth.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    days: { type: 'string', default: '30' },
    interval: { type: 'string', default: '60' },
    json: { type: 'string' },
    scores: { type: 'string', multiple: true },
    throughout: { type: 'boolean', default: false },
    'real-time': { type: 'boolean', default: true },
  },
  allowNegative: true,
});
if (values.scores !== undefined) {
  const texts = await Promise.all(values.scores.map((file) => readFile(file, 'utf8')));
  const known = texts.flatMap((text) => JSON.parse(text) as Score[]);
  tell(known, known.map(({ seed }) => seed).join(', '));
  for (const line of scoreDetails(known)) console.log(`- ${line}`);
  process.exit(isMet(known) ? 0 : 1);
}

const seed = values.seed ?? randomBytes(6).toString('hex');
const [seeds, days, interval] = [values.seeds, values.days, values.interval].map(Number) as [number, number, number];
if (![seeds, days, interval].every((n) => n > 0)) {
  console.error('gameday: expected numbers above 0 for --seeds, --days and --interval (seconds)');
  process.exit(2);
}

console.log(
  `seed ${seed} (again: npm run gameday -- --seed ${seed} --seeds ${seeds} --days ${days} --interval ${interval})`,
);
const [rules, routing] = await Promise.all([readRules(), readRouting()]);
const scores: Score[] = [];
for (let i = 0; i < seeds; i++) {
  const score = await simulateMonth({
    seed: seeds === 1 ? seed : `${seed}-${i}`,
    days,
    intervalMs: interval * 1_000,
    rules,
    routing,
    throughout: values.throughout,
    say: (line) => console.error(line),
  });
  scores.push(score);
  for (const line of scoreDetails([score])) console.log(line);
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(scores));
}

tell(scores, `seed ${seed}: ${scores.length} x ${days} days, scraped and evaluated every ${interval} s`);
const real = values['real-time']
  ? await playInRealTime(seed, (line) => console.error(`real time: ${line}`))
  : undefined;
if (real !== undefined) console.log(realTimeLine(real));
const isRealMet =
  real === undefined || (real.falsePages.length === 0 && real.pages.every(({ delayMs }) => delayMs !== undefined));
if (!isMet(scores) || !isRealMet) {
  console.log(
    'The goal is missed: all found within `for` and two evaluations (and the 60 s that a label set born meanwhile shows 0), none false, none twice.',
  );
  process.exitCode = 1;
}

function tell(of: readonly Score[], what: string): void {
  const incidents = of.flatMap((score) => score.incidents);
  const found = incidents.filter(({ missing }) => missing.length === 0).length;
  const sum = (count: (score: Score) => number) => of.reduce((all, score) => all + count(score), 0);
  console.log(`\n${scoreTable(of)}\n`);
  console.log(
    `${what}; incidents found ${found} of ${incidents.length}, among ${sum(({ oddities }) => oddities)} oddities; ${sum(({ pages }) => pages)} pages, ` +
      `${sum(({ falsePages }) => falsePages.length)} false, ${sum(({ duplicatePages }) => duplicatePages.length)} told twice`,
  );
}

function realTimeLine({ pages, falsePages }: RealTimeScore): string {
  const delays = pages.flatMap(({ delayMs }) => delayMs ?? []).sort((a, b) => a - b);
  const seconds = (ms = Number.NaN) => (ms / 1_000).toFixed(1);
  const silent = pages.filter(({ delayMs }) => delayMs === undefined).map(({ alert }) => alert);
  return (
    `in real time, every second: ${delays.length} of ${pages.length} alerts reached a receiver, p50 ${seconds(delays[Math.floor(delays.length / 2)])} s, ` +
    `max ${seconds(delays.at(-1))} s after the push${silent.length > 0 ? `; not told: ${silent.join(', ')}` : ''}; false: ${falsePages.join(', ') || 'none'}`
  );
}
