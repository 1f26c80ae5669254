import { Random } from '../../exporter/src/demo/random.ts';
import { cacheReadings, isDay, quietFleet } from './daily.ts';
import { INCIDENTS } from './incidents.ts';
import { ODDITIES } from './oddities.ts';
import type { Recipe, Silence, Told } from './recipe.ts';
import { Script } from './script.ts';
import type { Span } from './steps.ts';
import type { Happening, Outage, Story, Timeline } from './timeline.ts';
import { CRUCIBLE, DAY_MS, HOUR_MS, LEGACY, MINUTE_MS, POLL_MS, REPLICAS } from './world.ts';

/** Incidents that begin in the same minute as another one. */
const PAIRS = 4;
/** Before and after what happens alone. */
const APART_MS = 1.5 * HOUR_MS;
/** The second replica is there for so long before and after it is missed. */
const SCALED_OUT_MS = 2 * HOUR_MS;
const TRIES = 2_000;

export interface DrawOptions {
  readonly seed: string;
  readonly days: number;
  /** Names of incidents; default: each that has its place in so many days. */
  readonly only?: readonly string[];
}

interface Placed {
  readonly recipe: Recipe;
  readonly span: Span;
}

/** Draws when what happens, how large and how long. The same seed gives the same month. */
export function drawTimeline({ seed, days, only }: DrawOptions): Timeline {
  const random = new Random(seed, 'timeline');
  const startMs = Date.UTC(2026, 0, 5) + random.integer(0, 150) * DAY_MS;
  const endMs = startMs + days * DAY_MS;
  const month = { startMs, endMs };
  const placed: Placed[] = [];
  const incidents = INCIDENTS.filter(
    ({ name, leadMs = 0, lengthMs }) =>
      (only === undefined || only.includes(name)) && leadMs + lengthMs + 2 * HOUR_MS < endMs - startMs,
  );
  // What needs most room comes first.
  const order = [...incidents].sort(
    (a, b) => Number(b.isAlone ?? false) - Number(a.isAlone ?? false) || (b.leadMs ?? 0) - (a.leadMs ?? 0),
  );
  let pairs = 0;
  for (const recipe of order) {
    const partner = placed.find(
      (p) => p.recipe.isAlone !== true && p.recipe.when === recipe.when && random.chance(0.3),
    );
    const together =
      recipe.isAlone !== true &&
      pairs < PAIRS &&
      partner !== undefined &&
      fits(recipe, partner.span.from, placed, month);
    if (together) pairs += 1;
    const from = together ? (partner as Placed).span.from : findPlace(recipe, placed, month, random);
    if (from === undefined)
      throw new Error(`gameday: found no place for ${JSON.stringify(recipe.name)} in ${days} days; give it more`);
    placed.push({ recipe, span: { from, to: from + recipe.lengthMs } });
  }
  const stories: Story[] = [];
  const told: Told[] = [];
  const tell = ({ recipe, span }: Placed, i: number): Story => {
    const script = new Script(
      `${recipe.alerts.length > 0 ? 'incident' : 'oddity'}-${i}`,
      new Random(seed, recipe.name, i),
    );
    const answer = recipe.tell(script, span.from, month);
    told.push(answer);
    return {
      name: recipe.name,
      alerts: recipe.alerts,
      from: span.from,
      to: answer.to,
      happenings: script.happenings,
      outages: answer.outages ?? [],
    };
  };
  stories.push(...placed.map(tell));
  const isPartial = only !== undefined;
  // As many as in thirty days, or as it takes to have five for each incident.
  const inAMonth = ODDITIES.reduce((sum, { times }) => sum + times, 0);
  const share = Math.max(days / 30, (5 * placed.length) / inAMonth);
  const oddities = (isPartial ? [] : ODDITIES).flatMap(({ times, recipe }) => {
    const wanted = times === 1 ? 1 : Math.ceil(times * share);
    if ((recipe.leadMs ?? 0) + 3 * HOUR_MS > endMs - startMs) return [];
    return Array.from({ length: wanted }).flatMap((): Placed[] => {
      // Oddities come whenever they like, but where Prometheus is away nobody can judge anything. A short month has no room for it.
      const near = recipe.isAlone === true ? placed : placed.filter((p) => p.recipe.isAlone === true);
      const from = findPlace(recipe, near, month, random);
      if (from === undefined) return [];
      const one = { recipe, span: { from, to: from + recipe.lengthMs } };
      if (recipe.isAlone === true) placed.push(one);
      return [one];
    });
  });
  // What must not happen during an incident does not happen by chance either.
  const kept = told.flatMap((t) => t.silences ?? []);
  const odd = oddities.map(tell).map((story) => ({ ...story, happenings: withoutSilenced(story.happenings, kept) }));
  const outages = [...[...stories, ...odd].flatMap((s) => s.outages), ...secondReplica(stories, month)];
  const silences = told.flatMap((t) => t.silences ?? []);
  const usual = withoutSilenced(
    [
      ...quietFleet(seed, startMs, endMs),
      ...cacheReadings(
        seed,
        startMs,
        endMs,
        told.flatMap((t) => t.cache ?? []),
      ).filter(
        (h) =>
          !told.some((t) => t.redisDown?.some(({ from, to }) => h.at >= from - MINUTE_MS && h.at < to + MINUTE_MS)),
      ),
    ],
    silences,
  );
  const grown = secondReplica(stories, month).length > 0 ? replicaStarts(stories) : [];
  const happenings = [...usual, ...stories.flatMap((s) => s.happenings), ...odd.flatMap((s) => s.happenings), ...grown]
    .filter(({ at }) => at < endMs)
    .map((h) => delivered(h, outages))
    .sort((a, b) => a.at - b.at);
  return { seed, startMs, endMs, happenings, outages, incidents: stories, oddities: odd };
}

function findPlace(recipe: Recipe, placed: readonly Placed[], month: Span2, random: Random): number | undefined {
  const { leadMs = 30 * MINUTE_MS, lengthMs } = recipe;
  for (let i = 0; i < TRIES; i++) {
    const from = random.between(month.startMs + leadMs, month.endMs - lengthMs - HOUR_MS);
    if (fits(recipe, from, placed, month)) return Math.round(from / 1_000) * 1_000;
  }
  return undefined;
}

interface Span2 {
  readonly startMs: number;
  readonly endMs: number;
}

function fits(recipe: Recipe, from: number, placed: readonly Placed[], { startMs, endMs }: Span2): boolean {
  const { when, leadMs = 30 * MINUTE_MS, lengthMs } = recipe;
  const to = from + lengthMs;
  if (from < startMs + leadMs || to > endMs - HOUR_MS) return false;
  if (when !== undefined && isDay(from) !== (when === 'day')) return false;
  // What is acknowledged has to be so on the same day.
  if (when === 'day' && Math.floor(from / DAY_MS) !== Math.floor((to + HOUR_MS) / DAY_MS)) return false;
  return placed.every(({ recipe: other, span }) => {
    // A hundred minutes apart, what two incidents do to the same window is no longer one thing; others may meet.
    const isApart =
      recipe.isAlone === true || other.isAlone === true || (recipe.of !== undefined && recipe.of === other.of);
    const apart = isApart ? APART_MS : Number.NEGATIVE_INFINITY;
    return from >= span.to + apart || to + apart <= span.from || apart === Number.NEGATIVE_INFINITY;
  });
}

/** A run or job that would end, or begin, within a silence is not there at all: cut in half, it would never end. */
function withoutSilenced(happenings: readonly Happening[], silences: readonly Silence[]): Happening[] {
  const isSilent = new Map(happenings.map((h) => [h, silences.some((silence) => isSilenced(h, silence))]));
  const gone = new Set(happenings.flatMap((h) => (isSilent.get(h) ? (recordOf(h) ?? []) : [])));
  return happenings.filter((h) => !isSilent.get(h) && !gone.has(recordOf(h) ?? ''));
}

function recordOf(h: Happening): string | undefined {
  if (h.what !== 'event') return undefined;
  const id = h.data.runId ?? h.data.jobId;
  return id === undefined ? undefined : `${h.source} ${String(id)}`;
}

function isSilenced(h: Happening, { source, kinds, project, from, to }: Silence): boolean {
  if (h.what !== 'event' || h.source !== source || h.at < from || h.at >= to) return false;
  if (kinds !== undefined && !kinds.includes(h.kind)) return false;
  return project === undefined || h.data.project === project;
}

/** It is a target while the incident that is about it is near. */
function secondReplica(stories: readonly Story[], { startMs, endMs }: Span2): Outage[] {
  const replica = REPLICAS[1];
  const story = stories.find(({ alerts }) => alerts.includes('FleetReplicaDown'));
  if (story === undefined) return [{ of: 'target', replica, from: startMs, to: endMs + DAY_MS }];
  return [
    { of: 'target', replica, from: startMs, to: story.from - SCALED_OUT_MS },
    { of: 'target', replica, from: story.to + SCALED_OUT_MS, to: endMs + DAY_MS },
  ];
}

function replicaStarts(stories: readonly Story[]): Happening[] {
  const story = stories.find(({ alerts }) => alerts.includes('FleetReplicaDown'));
  return story === undefined ? [] : [{ what: 'restart', at: story.from - SCALED_OUT_MS, replica: REPLICAS[1] }];
}

/** Senders try again while nobody takes what they send; a polled source is read when it answers again. */
function delivered(h: Happening, outages: readonly Outage[]): Happening {
  if (h.what !== 'event') return h;
  const polled = h.source === CRUCIBLE || h.source === LEGACY;
  let at = polled && h.source === CRUCIBLE ? Math.ceil(h.at / POLL_MS) * POLL_MS : h.at;
  for (let moved = true; moved; ) {
    moved = false;
    for (const o of outages) {
      const blocks =
        (o.of === 'replica' && o.replica === REPLICAS[0]) ||
        o.of === 'ledger' ||
        (o.of === 'source' && o.source === h.source);
      if (blocks && o.from <= at && at < o.to) {
        at = o.to + 2_000;
        moved = true;
      }
    }
  }
  return { ...h, at };
}
