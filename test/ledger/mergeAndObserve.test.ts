import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import type { FamilyName } from '../../exporter/src/contract/metricCatalogue.ts';
import { type Merged, mergeEvent } from '../../exporter/src/ledger/mergeEvent.ts';
import { lateFields } from '../../exporter/src/ledger/observe/attempts.ts';
import { type Observation, observe, type RecordState } from '../../exporter/src/ledger/observe/observe.ts';
import { nastyHappening, nastyHistory, PROPERTY_TIMEOUT_MS, propertyRuns, scrambled, toEvents } from './histories.ts';
import { event } from './ledgerBed.ts';

/** The records of a history, merged in its order; the order of fields in a document says nothing. */
function merge(events: readonly NormalisedEvent[]): Map<string, unknown> {
  const records = new Map<string, Merged>();
  for (const e of events) {
    const id = `${e.kind} ${e.key}`;
    const { doc, stamps } = mergeEvent(records.get(id), e);
    records.set(id, { doc, stamps });
  }
  return new Map([...records].sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface Watched {
  readonly states: Map<string, RecordState>;
  readonly moved: Map<string, number>;
  readonly corrections: FamilyName[];
  readonly observations: Observation[];
}

/** What the ledger does with a history, without a database; steps are looked at as if their run were known. */
function watch(events: readonly NormalisedEvent[], costFrom: 'usage' | 'run' = 'usage'): Watched {
  const states = new Map<string, RecordState>();
  const moved = new Map<string, number>();
  const corrections: FamilyName[] = [];
  const observations: Observation[] = [];
  for (const e of events) {
    const id = `${e.kind} ${e.key}`;
    const before = states.get(id);
    const merged = mergeEvent(before, e);
    if (!merged.changed && merged.late.length === 0) continue;
    const late = lateFields(e.kind, merged, e, merged.late);
    const seen = observe(e.kind, before, merged, {
      costFrom,
      run: { project: 'p' },
      ...(late === undefined ? {} : { late }),
    });
    states.set(id, { doc: merged.doc, stamps: merged.stamps, counted: seen.counted, held: seen.held });
    for (const { family, labels, value } of seen.moves) {
      const series = JSON.stringify([family, labels]);
      moved.set(series, (moved.get(series) ?? 0) + value);
    }
    corrections.push(...seen.corrections);
    observations.push(seen);
  }
  return { states, moved, corrections, observations };
}

const inOrder = (events: readonly NormalisedEvent[]) =>
  [...events].sort((a, b) => (a.at === b.at ? (a.id < b.id ? -1 : 1) : a.at < b.at ? -1 : 1));
const rounded = (moved: ReadonlyMap<string, number>) =>
  Object.fromEntries(
    [...moved]
      .filter(([, v]) => v !== 0)
      .map(([series, v]) => [series, Number(v.toFixed(9))] as const)
      .sort(),
  );

describe('mergeEvent', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  it('any order of the same events, some of them twice, gives the same records and stamps', () => {
    const history = nastyHistory(24).map((h) => toEvents(h, 's'));
    fc.assert(
      fc.property(
        history.chain((events) => fc.tuple(fc.constant(events), scrambled(events))),
        ([events, again]) => {
          expect(merge(again)).toEqual(merge(events));
        },
      ),
      propertyRuns(400),
    );
  });

  it('is what a plain last-writer-wins map says, field by field', () => {
    const history = fc.array(nastyHappening(['run']), { minLength: 1, maxLength: 12 }).map((h) => toEvents(h, 's'));
    fc.assert(
      fc.property(history, (events) => {
        const expected = new Map<string, Record<string, unknown>>();
        for (const e of inOrder(events)) {
          const doc = expected.get(e.key) ?? {};
          expected.set(e.key, doc);
          for (const [field, value] of Object.entries(e.fields)) doc[field] = value;
        }
        const found = merge(events);
        for (const [key, fields] of expected) {
          const { doc } = found.get(`run ${key}`) as Merged;
          const { source, attributes, ...known } = doc;
          const flat: Record<string, unknown> = { ...known };
          for (const [field, value] of Object.entries(attributes ?? {})) flat[`attributes.${field}`] = value;
          expect(flat).toEqual(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)));
          expect(source).toBe('s');
        }
      }),
      propertyRuns(300),
    );
  });

  it('the stamps stay small: as many entries as events that still own a field, and one more', () => {
    fc.assert(
      fc.property(
        nastyHistory(30).map((h) => toEvents(h, 's')),
        (events) => {
          for (const [id, record] of merge(events)) {
            const ofRecord = new Set(events.filter((e) => `${e.kind} ${e.key}` === id).map((e) => e.id));
            expect((record as Merged).stamps.length).toBeLessThanOrEqual(ofRecord.size + 1);
          }
        },
      ),
      propertyRuns(100),
    );
  });
});

describe('observe', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  const histories = nastyHistory(20).map((h) => toEvents(h, 's'));

  it('seeing a record again as it is moves nothing and corrects nothing', () => {
    fc.assert(
      fc.property(histories, fc.constantFrom('usage' as const, 'run' as const), (events, costFrom) => {
        for (const [id, state] of watch(events, costFrom).states) {
          const [kind] = id.split(' ') as [NormalisedEvent['kind']];
          const seen = observe(kind, state, state, { costFrom, run: { project: 'p' } });
          expect(seen).toMatchObject({ moves: [], ended: [], begun: [], corrections: [] });
          expect(seen.counted).toEqual(state.counted);
        }
      }),
      propertyRuns(300),
    );
  });

  it('counts a fact once for each attempt, and what is counted is what moved', () => {
    fc.assert(
      fc.property(histories, (events) => {
        const { states, moved } = watch(events);
        const counted = new Map<string, number>();
        for (const state of states.values()) {
          const keys = state.counted.map((c) => `${c.family} ${c.key}`);
          expect(new Set(keys).size).toBe(keys.length);
          for (const { family, labels, value, carried } of state.counted) {
            if (carried !== undefined) continue;
            const series = JSON.stringify([family, labels]);
            counted.set(series, (counted.get(series) ?? 0) + value);
          }
        }
        expect(rounded(counted)).toEqual(rounded(moved));
      }),
      propertyRuns(300),
    );
  });

  it('holds of gauges what the final record says, whatever came before, and what began and ended sums up to it', () => {
    fc.assert(
      fc.property(
        histories.chain((events) => fc.tuple(fc.constant(events), scrambled(events))),
        ([events, again]) => {
          const first = watch(events);
          const second = watch(again);
          const ids = [...first.states.keys()].sort();
          expect([...second.states.keys()].sort()).toEqual(ids);
          for (const id of ids) {
            const sorted = (state: RecordState | undefined) => state?.held.map((p) => JSON.stringify(p)).sort();
            expect(sorted(second.states.get(id))).toEqual(sorted(first.states.get(id)));
          }
          const gauges = new Map<string, number>();
          const add = (part: { family: string; labels: readonly string[] }, value: number) => {
            const series = JSON.stringify([part.family, part.labels]);
            gauges.set(series, (gauges.get(series) ?? 0) + value);
          };
          for (const { begun, ended } of second.observations) {
            for (const part of begun) add(part, 1);
            for (const part of ended) add(part, -1);
          }
          for (const { held } of second.states.values()) for (const part of held) add(part, -1);
          expect(rounded(gauges)).toEqual({});
        },
      ),
      propertyRuns(200),
    );
  });

  it('where neither order corrects anything, both orders move the same', () => {
    let compared = 0;
    fc.assert(
      fc.property(
        fc
          .array(nastyHappening(), { minLength: 1, maxLength: 6 })
          .map((h) => toEvents(h, 's'))
          .chain((events) => fc.tuple(fc.constant(events), scrambled(events))),
        ([events, again]) => {
          const first = watch(inOrder(events));
          const second = watch(again);
          if (first.corrections.length > 0 || second.corrections.length > 0) return;
          compared += 1;
          expect(rounded(second.moved)).toEqual(rounded(first.moved));
        },
      ),
      propertyRuns(1_500),
    );
    expect(compared).toBeGreaterThan(300);
  });

  it.each(['run', 'step', 'job', 'chain', 'sandbox', 'queue', 'store', 'usage', 'approval'] as const)(
    'the same for histories of one %s',
    (kind) => {
      let compared = 0;
      const history = fc.array(nastyHappening([kind]), { minLength: 2, maxLength: 4 }).map((h) => toEvents(h, 's'));
      fc.assert(
        fc.property(
          history.chain((events) => fc.tuple(fc.constant(events), scrambled(events))),
          ([events, again]) => {
            const first = watch(inOrder(events));
            const second = watch(again);
            if (first.corrections.length > 0 || second.corrections.length > 0) return;
            compared += 1;
            expect(rounded(second.moved)).toEqual(rounded(first.moved));
          },
        ),
        propertyRuns(1_000),
      );
      expect(compared).toBeGreaterThan(20);
    },
  );
});

describe('what is counted, by example', () => {
  const at = (minute: number) => `2026-11-20T10:${String(minute).padStart(2, '0')}:00.000Z`;
  const run = (minute: number, data: Record<string, unknown>) =>
    event(`e${minute}`, 'run', at(minute), { runId: 'r', ...data });
  const moves = (...events: NormalisedEvent[]) => {
    const { moved, corrections } = watch(events);
    return { moved: rounded(moved), corrections };
  };
  const total = (moved: Record<string, number>, family: string) =>
    Object.entries(moved)
      .filter(([series]) => series.startsWith(`["${family}"`))
      .reduce((sum, [, value]) => sum + value, 0);

  it('an older failure that arrives after the success is a correction and moves nothing', () => {
    const succeeded = run(2, { status: 'succeeded' });
    const failed = run(1, { status: 'failed' });
    const { moved, corrections } = moves(succeeded, failed);
    expect(moved).toEqual(moves(succeeded).moved);
    expect(corrections).toEqual(['fleet_runs_finished_total']);
  });

  it('a renamed project is a correction, once', () => {
    const { moved, corrections } = moves(
      run(1, { project: 'a', status: 'running' }),
      run(2, { project: 'b' }),
      run(3, { project: 'b', model: 'm' }),
    );
    expect(moved).toEqual({ '["fleet_runs_created_total",["pushed","a","",""]]': 1 });
    expect(corrections).toEqual(['fleet_runs_created_total']);
  });

  it('the error, scores and iterations of a failed attempt are not those of the next, unless said again', () => {
    const failed = run(1, {
      attempts: 1,
      status: 'failed',
      error: { message: 'oom' },
      quality: { composite: 10 },
      iterations: 3,
    });
    const retried = run(2, { attempts: 2, status: 'running' });
    const third = run(4, { attempts: 3, status: 'failed' });
    const again = run(5, { error: { message: 'oom' } });
    const after = (...events: NormalisedEvent[]) => {
      const { moved, corrections } = moves(...events);
      const of = (family: string) => total(moved, family);
      return [
        of('fleet_runs_finished_total'),
        of('fleet_run_errors_total'),
        of('fleet_quality_score'),
        of('fleet_run_iterations'),
        corrections.length,
      ];
    };
    expect(after(failed)).toEqual([1, 1, 10, 3, 0]);
    expect(after(failed, retried)).toEqual([1, 1, 10, 3, 0]);
    expect(after(failed, retried, run(3, { status: 'succeeded' }))).toEqual([2, 1, 10, 3, 0]);
    expect(after(failed, retried, third)).toEqual([2, 1, 10, 3, 0]);
    expect(after(failed, retried, third, again)).toEqual([2, 2, 10, 3, 0]);
    expect(after(failed, retried, run(3, { status: 'succeeded', quality: { composite: 90 }, iterations: 1 }))).toEqual([
      2, 1, 100, 4, 0,
    ]);
  });

  it('the number of the attempt alone is no second end of the run', () => {
    expect(total(moves(run(1, { status: 'failed' }), run(2, { attempts: 2 })).moved, 'fleet_runs_finished_total')).toBe(
      1,
    );
    expect(
      total(
        moves(run(2, { status: 'failed' }), run(1, { attempts: 2, status: 'running' })).moved,
        'fleet_runs_finished_total',
      ),
    ).toBe(1);
  });

  const queue = (minute: number, data: Record<string, unknown>) =>
    event(`e${minute}`, 'queue', at(minute), { queue: 'q', ...data });
  it('totals of others: the first reading is the base, a fall is a restart, another server too, a silent reading adds nothing', () => {
    const added = (...readings: Record<string, unknown>[]) =>
      total(moves(...readings.map((data, i) => queue(i + 1, data))).moved, 'fleet_queue_jobs_enqueued_total');
    expect(added({ enqueuedTotal: 1_000 })).toBe(0);
    expect(added({ enqueuedTotal: 1_000 }, { enqueuedTotal: 1_005 })).toBe(5);
    expect(added({ enqueuedTotal: 1_000 }, { enqueuedTotal: 3 })).toBe(3);
    expect(added({ enqueuedTotal: 10, serverRunId: 'A' }, { enqueuedTotal: 30, serverRunId: 'B' })).toBe(30);
    expect(added({ enqueuedTotal: 10 }, { enqueuedTotal: 30, serverRunId: 'B' })).toBe(20);
    expect(added({ enqueuedTotal: 10, serverRunId: 'A' }, { serverRunId: 'B' }, { enqueuedTotal: 2 })).toBe(2);
    expect(added({ enqueuedTotal: 10 }, { due: 3 }, { enqueuedTotal: 12 })).toBe(2);
    expect(moves(queue(2, { enqueuedTotal: 20 }), queue(1, { enqueuedTotal: 10 })).corrections).toContain(
      'fleet_queue_jobs_enqueued_total',
    );
  });

  it('an error of a store counts for the reading that says it, not for those after', () => {
    const store = (minute: number, data: Record<string, unknown>) =>
      event(`e${minute}`, 'store', at(minute), { store: 'redis', ...data });
    const { moved } = moves(
      store(1, { up: false, error: { kind: 'timeout' } }),
      store(2, { up: true }),
      store(3, { up: true }),
      store(4, { error: { kind: 'timeout' } }),
    );
    expect(total(moved, 'fleet_store_errors_total')).toBe(2);
  });

  it('a pull request that turns out to be that of a run is a correction, not silence', () => {
    const sandbox = (minute: number, data: Record<string, unknown>) =>
      event(`e${minute}`, 'sandbox', at(minute), { sandboxId: 'b', ...data });
    const pullRequest = { status: 'created' };
    expect(moves(sandbox(1, { pullRequest }), sandbox(2, { runId: 'r', pullRequest })).corrections).toEqual([
      'fleet_pull_requests_total',
    ]);
    expect(moves(sandbox(1, { pullRequest: { status: 'failed' } }), sandbox(2, { pullRequest })).corrections).toEqual(
      [],
    );
  });
});
