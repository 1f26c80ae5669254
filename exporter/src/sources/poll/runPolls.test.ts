import pino from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { waitFor } from '../../../../test/support/waitFor.ts';
import type { PulledBatch } from '../../ledger/recordPulled.ts';
import { RecordingLedger } from '../recordingLedger.ts';
import { type PollContext, type PollPage, type Source, SourceError } from '../source.ts';
import type { PollPacing } from './pollSource.ts';
import { runPolls } from './runPolls.ts';
import { createSourceMetrics } from './sourceMetrics.ts';

const STARTED = new Date('2026-11-20T12:00:00.000Z');
const FAST: PollPacing = {
  jitter: 0.1,
  openAfterFailures: 5,
  halfOpenAfterMs: 1,
  maxHalfOpenAfterMs: 5,
  retryDelayMs: 1,
  maxRetryDelayMs: 5,
};

function sourceOf(poll: (cursor: unknown, context: PollContext) => AsyncGenerator<PollPage>): Source {
  return { poll, probe: async () => ({ reachable: true, found: [], problems: [] }), close: async () => {} };
}

function page(cursor: unknown, ...runs: string[]): PollPage {
  return { records: runs.map((runId) => ({ kind: 'run', data: { runId, status: 'running' } })), cursor };
}

/** A source that works, as a clock: what it was polled n times, another one could have been polled n times too. */
function beating() {
  let polls = 0;
  const source = sourceOf(async function* () {
    polls++;
    yield { records: [], cursor: 1 };
  });
  const times = (more: number) => {
    const until = polls + more;
    return waitFor(() => polls >= until, { what: `${more} polls of the other source` });
  };
  return { source, times };
}

interface Setup {
  readonly ledger?: RecordingLedger;
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly pacing?: Partial<PollPacing>;
}

function start(sources: Record<string, Source>, setup: Setup = {}) {
  const registry = new Registry();
  const names = Object.keys(sources);
  const metrics = createSourceMetrics(registry, names, STARTED);
  const stop = new AbortController();
  const ledger = setup.ledger ?? new RecordingLedger();
  const ended = runPolls(
    names.map((name) => ({
      name,
      source: sources[name] as Source,
      pollIntervalMs: setup.intervalMs ?? 5,
      timeoutMs: setup.timeoutMs ?? 5_000,
    })),
    { ledger, metrics, log: pino({ level: 'silent' }), signal: stop.signal, pacing: { ...FAST, ...setup.pacing } },
  );
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  const value = async (name: string, labels: Record<string, string>) => {
    const family = await registry.getSingleMetric(name)?.get();
    return family?.values.find((sample) =>
      Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted),
    )?.value;
  };
  return {
    ledger,
    registry,
    value,
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

describe('a poll', () => {
  it('commits each page with its cursor and marks the end of the first complete one', async () => {
    const seen: unknown[] = [];
    const source = sourceOf(async function* (cursor) {
      seen.push(cursor);
      if (cursor !== undefined) return;
      yield page({ n: 1 }, 'a', 'b');
      yield page({ n: 2 }, 'c');
    });
    const { ledger } = start({ main: source });
    await waitFor(() => seen.length >= 3, { what: 'two more polls' });
    expect(ledger.batches.map(({ cursor, backfillDone, records }) => [cursor, backfillDone, records.length])).toEqual([
      [{ n: 1 }, false, 2],
      [{ n: 2 }, false, 1],
      [{ n: 2 }, true, 0],
    ]);
    expect(seen.slice(0, 3)).toEqual([undefined, { n: 2 }, { n: 2 }]);
  });

  it('goes on after the last committed page when it was interrupted', async () => {
    const cursors: unknown[] = [];
    const source = sourceOf(async function* (cursor) {
      cursors.push(cursor);
      const from = (cursor as number | undefined) ?? 0;
      if (from >= 4) return;
      yield page(from + 1, `r${from + 1}`);
      if (from === 1) throw new SourceError('lost', { result: 'network' });
      yield page(from + 2, `r${from + 2}`);
    });
    const { ledger } = start({ main: source });
    await waitFor(() => ledger.batches.some(({ backfillDone }) => backfillDone), { what: 'the end of the backfill' });
    expect(ledger.all('run').map((run) => run.runId)).toEqual(['r1', 'r2', 'r3', 'r4']);
    expect(cursors.slice(0, 3)).toEqual([undefined, 2, 4]);
  });

  it('says what it reads after a pause, and only then: the first of this process', async () => {
    let polls = 0;
    const source = sourceOf(async function* () {
      polls++;
      yield page({ n: polls }, `r${polls}`);
    });
    const { ledger } = start({ main: source });
    await waitFor(() => polls > 3, { what: 'some polls' });
    const recorded = ledger.batches.filter(({ records }) => records.length > 0);
    expect(recorded.slice(0, 3).map(({ afterPause }) => afterPause)).toEqual([true, false, false]);
  });

  it('a first one that takes long is a source that answers, as long as it gets on', async () => {
    const isStopped = Promise.withResolvers<void>();
    const source = sourceOf(async function* () {
      yield page({ n: 1 }, 'a');
      await isStopped.promise;
    });
    const { value, stop } = start({ main: source });
    const lastSuccess = () => value('fleetlens_source_last_success_timestamp_seconds', { source: 'main' });
    await waitFor(async () => ((await lastSuccess()) ?? 0) > STARTED.getTime() / 1000, { what: 'a page' });
    isStopped.resolve();
    await stop();
  });

  it('a later one that never ends is none that worked', async () => {
    let polls = 0;
    const source = sourceOf(async function* () {
      polls++;
      yield page({ n: polls }, `r${polls}`);
      if (polls > 1) throw new SourceError('the second page', { result: 'server' });
    });
    const { value } = start({ main: source });
    await waitFor(() => polls > 1, { what: 'the end of the first' });
    const worked = await value('fleetlens_source_last_success_timestamp_seconds', { source: 'main' });
    const until = polls + 5;
    await waitFor(() => polls > until, { what: 'some polls' });
    expect(await value('fleetlens_source_last_success_timestamp_seconds', { source: 'main' })).toBe(worked);
  });

  it('writes nothing while nothing changes', async () => {
    let polls = 0;
    const source = sourceOf(async function* () {
      polls++;
      yield { records: [], cursor: { same: true } };
    });
    const { ledger } = start({ main: source });
    await waitFor(() => polls > 5, { what: 'some polls' });
    expect(ledger.batches).toHaveLength(2);
  });
});

describe('sources are isolated', () => {
  it('a hanging, a slow and a broken one delay no other, and no source is polled twice at once', async () => {
    let atOnce = 0;
    let hangingPolls = 0;
    let polls = 0;
    const { value } = start(
      {
        good: sourceOf(async function* () {
          polls++;
          expect(++atOnce).toBe(1);
          await new Promise((resolve) => setTimeout(resolve, 2));
          atOnce--;
          yield page(polls, `r${polls}`);
        }),
        // Never settles and does not listen to its signal.
        hanging: sourceOf(async function* () {
          hangingPolls++;
          await new Promise(() => {});
          yield page(1);
        }),
        broken: sourceOf(async function* () {
          yield page(1);
          throw new TypeError('a bug in the adapter');
        }),
      },
      { timeoutMs: 20 },
    );
    await waitFor(() => polls > 20, { what: 'the good source to be polled 20 times' });
    expect(hangingPolls).toBe(1);
    expect(await value('fleetlens_source_up', { source: 'good' })).toBe(1);
    expect(await value('fleetlens_source_up', { source: 'broken' })).toBe(0);
    await waitFor(async () => (await value('fleetlens_source_up', { source: 'hanging' })) === 0, {
      what: 'the hanging source to be down',
    });
    expect(await value('fleetlens_source_requests_total', { source: 'hanging', result: 'network' })).toBe(1);
  });

  it('a ledger that is down is not blamed on the source', async () => {
    class BrokenLedger extends RecordingLedger {
      broken = false;
      override async recordPulled(batch: PulledBatch): Promise<void> {
        if (this.broken) throw new Error('no ledger');
        await super.recordPulled(batch);
      }
    }
    const ledger = new BrokenLedger();
    let polls = 0;
    const source = sourceOf(async function* () {
      yield page(++polls, `r${polls}`);
    });
    const { value } = start({ main: source }, { ledger, pacing: { halfOpenAfterMs: 60_000 } });
    await waitFor(async () => (await value('fleetlens_source_up', { source: 'main' })) === 1, { what: 'a poll' });
    ledger.broken = true;
    const before = polls;
    await waitFor(() => polls > before + 10, { what: 'further polls' });
    expect(await value('fleetlens_source_up', { source: 'main' })).toBe(1);
    ledger.broken = false;
    const batches = ledger.batches.length;
    await waitFor(() => ledger.batches.length > batches, { what: 'the ledger to be written again' });
  });
});

describe('failures', () => {
  it('open the circuit after five in a row; one poll probes; a success closes it', async () => {
    let polls = 0;
    let failing = true;
    const source = sourceOf(async function* () {
      polls++;
      if (failing) throw new SourceError('down', { result: 'server' });
      yield page(1, 'a');
    });
    const beat = beating();
    const { value } = start(
      { main: source, beat: beat.source },
      { pacing: { halfOpenAfterMs: 500, maxHalfOpenAfterMs: 500 } },
    );
    await waitFor(() => polls >= 5, { what: 'five failures' });
    // The circuit is open: the loop goes round as often as the other source's, without polling.
    await beat.times(10);
    expect(polls).toBe(5);
    await waitFor(() => polls === 6, { what: 'the probe' });
    failing = false;
    await waitFor(async () => (await value('fleetlens_source_up', { source: 'main' })) === 1, { what: 'recovery' });
    const healed = polls;
    await waitFor(() => polls > healed + 5, { what: 'polls at the usual pace' });
  });

  it('of one part do not open the circuit', async () => {
    let polls = 0;
    const source = sourceOf(async function* () {
      yield page(++polls, `r${polls}`);
      throw new SourceError('the other half is down', { result: 'network', partial: true });
    });
    const { ledger, value } = start({ main: source }, { pacing: { halfOpenAfterMs: 60_000 } });
    await waitFor(() => polls > 12, { what: 'polls beyond the limit of the circuit' });
    expect(ledger.all('run').length).toBeGreaterThan(10);
    expect(await value('fleetlens_source_up', { source: 'main' })).toBe(0);
    expect(ledger.batches.some(({ backfillDone }) => backfillDone)).toBe(false);
  });

  it('wait as long as the source asks', async () => {
    let polls = 0;
    const source = sourceOf(async function* () {
      yield page(++polls);
      throw new SourceError('too many requests', { result: 'rate_limit', retryAfterMs: 60_000 });
    });
    const beat = beating();
    start({ main: source, beat: beat.source });
    await waitFor(() => polls === 1, { what: 'the first poll' });
    await beat.times(30);
    expect(polls).toBe(1);
  });
});

describe('self metrics', () => {
  it('start at zero, the last success at the start of the exporter; a replica that stops polling says nothing of up', async () => {
    const registry = new Registry();
    createSourceMetrics(registry, ['quiet'], STARTED);
    const text = await registry.metrics();
    for (const result of ['ok', 'auth', 'network', 'schema', 'rate_limit', 'server', 'other']) {
      expect(text).toContain(`fleetlens_source_requests_total{source="quiet",result="${result}"} 0`);
    }
    expect(text).toContain(
      `fleetlens_source_last_success_timestamp_seconds{source="quiet"} ${STARTED.getTime() / 1000}`,
    );
    expect(text).not.toMatch(/fleetlens_source_(up|quota_remaining)\{/);
    expect(text).toContain('fleetlens_source_poll_duration_seconds_count{source="quiet"} 0');

    const polling = start({
      main: sourceOf(async function* (_cursor, { quotaRemaining, countRequest }) {
        countRequest('ok');
        quotaRemaining(1_499);
        yield page(1, 'a');
      }),
    });
    await waitFor(async () => (await polling.value('fleetlens_source_up', { source: 'main' })) === 1, {
      what: 'a poll',
    });
    expect(await polling.value('fleetlens_source_quota_remaining', { source: 'main' })).toBe(1_499);
    expect(await polling.value('fleetlens_source_requests_total', { source: 'main', result: 'ok' })).toBeGreaterThan(0);
    await polling.stop();
    expect(await polling.registry.metrics()).not.toMatch(/fleetlens_source_up\{/);
  });
});
