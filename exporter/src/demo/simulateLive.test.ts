import { describe, expect, it } from 'vitest';
import { isFinished, isOpen } from '../contract/status.ts';
import { normaliseEvent } from '../normalise/normaliseEvent.ts';
import { simulateFleet } from './simulateFleet.ts';
import { type Clock, simulateLive } from './simulateLive.ts';
import type { FleetEvent } from './story.ts';
import { Replay } from './testing/replay.ts';

const HOUR = 3_600_000;
const SEED = 7;
const SINCE = new Date('2026-11-18T10:30:00.000Z');
const SEAM = new Date('2026-11-19T10:30:00.000Z');
const END = new Date(SEAM.getTime() + 6 * HOUR);

/** A clock that moves only when somebody sleeps. */
class SkippingClock implements Clock {
  #now: number;
  constructor(start: Date) {
    this.#now = start.getTime();
  }
  now(): number {
    return this.#now;
  }
  async sleep(ms: number): Promise<void> {
    this.#now += ms;
  }
}

async function liveUntil(end: Date): Promise<{ event: FleetEvent; yieldedAt: number }[]> {
  const clock = new SkippingClock(SEAM);
  const events: { event: FleetEvent; yieldedAt: number }[] = [];
  for await (const event of simulateLive({ seed: SEED, from: SEAM, since: SINCE, clock })) {
    if (event.at >= end.toISOString()) break;
    events.push({ event, yieldedAt: clock.now() });
  }
  return events;
}

describe('the seam between history and live', () => {
  const past = [...simulateFleet({ seed: SEED, from: SINCE, to: SEAM })];

  it('loses nothing, repeats nothing and changes nothing of what a longer history would have had', async () => {
    const live = (await liveUntil(END)).map(({ event }) => event);
    const told = new Map([...past, ...live].map((event) => [`${event.source} ${event.id}`, JSON.stringify(event)]));
    expect(told.size).toBe(past.length + live.length);
    for (const event of simulateFleet({ seed: SEED, from: SINCE, to: END })) {
      expect(told.get(`${event.source} ${event.id}`)).toBe(JSON.stringify(event));
    }
    expect(live.length).toBeGreaterThan(10_000);
  });

  it('ends the runs that were open when the history ended, and contradicts nothing', async () => {
    const replay = new Replay();
    const apply = (event: FleetEvent) => replay.apply(normaliseEvent(JSON.parse(JSON.stringify(event)), END.getTime()));
    for (const event of past) apply(event);
    const open = replay.of('run').filter((run) => run.status === 'running' || run.status === 'queued');
    expect(open.length).toBeGreaterThan(2);
    const openIds = new Set(open.map(({ runId }) => runId));
    for (const { event } of await liveUntil(END)) apply(event);
    const ended = replay.of('run').filter(({ runId }) => openIds.has(runId));
    expect(ended.filter((run) => !isFinished(run.status) && run.status !== 'waiting')).toEqual([]);
    expect(replay.corrections).toEqual([]);
    expect(replay.of('run').some((run) => isOpen(run.status))).toBe(true);
  });

  it('tells of no run that the history left out because it began too early', async () => {
    const known = new Set<unknown>();
    const orphans: unknown[] = [];
    for (const event of [...past, ...(await liveUntil(END)).map(({ event: e }) => e)]) {
      const { runId } = event.data;
      if (event.kind === 'run' && event.data.createdAt !== undefined) known.add(runId);
      else if (event.kind !== 'notification' && runId !== undefined && !known.has(runId)) orphans.push(event.id);
    }
    expect(orphans).toEqual([]);
  });
});

describe('live', () => {
  it('yields each event when its time has come, in order', async () => {
    const events = await liveUntil(new Date(SEAM.getTime() + HOUR));
    expect(events.filter(({ event, yieldedAt }) => Date.parse(event.at) > yieldedAt)).toEqual([]);
    expect(events.filter(({ event }, i) => i > 0 && event.at < (events[i - 1]?.event.at ?? ''))).toEqual([]);
  });

  it('has something to show every few seconds, and output that streams', async () => {
    const events = (await liveUntil(new Date(SEAM.getTime() + HOUR))).map(({ event }) => event);
    const gaps = events.slice(1).map((event, i) => Date.parse(event.at) - Date.parse(events[i]?.at ?? event.at));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(15_000);
    const growing = new Map<unknown, FleetEvent[]>();
    for (const event of events) {
      if (event.kind !== 'output') continue;
      const message = [event.data.runId, event.data.stepId, event.data.seq].join('/');
      growing.set(message, [...(growing.get(message) ?? []), event]);
    }
    const streamed = [...growing.values()].filter(
      (parts) => parts.length > 2 && parts.at(-1)?.data.state === 'completed',
    );
    expect(streamed.length).toBeGreaterThan(20);
    for (const parts of streamed) {
      const whole = String(parts.at(-1)?.data.text);
      for (const part of parts) expect(whole.startsWith(String(part.data.text))).toBe(true);
    }
  });

  it('yields at once what is due already', async () => {
    const clock = new SkippingClock(END);
    const sleeps: number[] = [];
    const counting: Clock = { now: () => clock.now(), sleep: async (ms) => void sleeps.push(ms) };
    const live = simulateLive({ seed: SEED, from: SEAM, since: SINCE, clock: counting });
    for (let i = 0; i < 100; i++) await live.next();
    await live.return();
    expect(sleeps).toEqual([]);
  });

  it('ends when it is told to, while it waits', async () => {
    const stop = new AbortController();
    const live = simulateLive({ seed: SEED, from: new Date(), signal: stop.signal });
    const rest = (async () => {
      for await (const _ of live) stop.abort();
    })();
    stop.abort();
    await expect(rest).resolves.toBeUndefined();
  });
});
