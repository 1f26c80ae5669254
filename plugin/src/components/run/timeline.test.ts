import { orderSteps, type Step } from './orderSteps';
import { busyIntervals, timelineRows, timeShares } from './timelineRows';
import { formatZoom, parseZoom, timeScale, WHOLE_WINDOW, zoomed } from './timeScale';

const T0 = Date.parse('2026-11-20T13:00:00.000Z');
const at = (seconds: number) => new Date(T0 + seconds * 1000).toISOString();
const run = { source: 's', runId: 'r', status: 'failed' as const, createdAt: at(0), startedAt: at(10) };

function step(stepId: string, from?: number, to?: number, rest: Partial<Step> = {}): Step {
  return {
    source: 's',
    runId: 'r',
    stepId,
    status: to === undefined ? 'queued' : 'succeeded',
    ...(from === undefined ? {} : { startedAt: at(from) }),
    ...(to === undefined ? {} : { finishedAt: at(to) }),
    ...rest,
  };
}

it('puts steps in the order in which they ran, whatever their index, and what has not begun at its place', () => {
  const steps = [
    step('a1', 10, 20, { iteration: 1 }),
    step('a2', 100, 110, { iteration: 2 }),
    step('b1', 20, 30, { iteration: 1 }),
    step('b2', undefined, undefined, { iteration: 2 }),
    step('again', 5, 6, { attempt: 2 }),
  ];
  expect(orderSteps(steps).map(({ stepId }) => stepId)).toEqual(['a1', 'b1', 'a2', 'b2', 'again']);
});

it('keeps work, waiting and retries apart; steps at once count once', () => {
  const steps = orderSteps([
    step('a', 10, 30, { attempt: 1 }),
    step('b', 20, 40, { attempt: 1 }),
    step('c', 100, 110, { attempt: 2 }),
    step('d', 115, 120, { attempt: 2 }),
  ]);
  const rows = timelineRows(run, steps, T0);
  expect(rows.map(({ kind }) => kind)).toEqual(['wait', 'group', 'step', 'step', 'wait', 'group', 'step', 'step']);
  expect(timeShares(rows)).toEqual({ queued: 10, working: 45, retrying: 60, idle: 5 });
});

it('does not invent an end for a step that nobody tells the end of', () => {
  const [row] = timelineRows({ source: 's', runId: 'r' }, [step('a', 10, undefined, { status: 'unknown' })], T0 + 9e9);
  expect(row).toMatchObject({ startMs: T0 + 10_000, endMs: T0 + 10_000 });
});

it('draws long stretches without work short, and every time at one place', () => {
  const rows = timelineRows(run, [step('a', 10, 40), step('b', 7_240, 7_270)], T0);
  const scale = timeScale(busyIntervals(rows), { startMs: T0, endMs: T0 + 7_270_000 });
  expect(scale.cuts).toEqual([
    { startMs: T0, endMs: T0 + 10_000 },
    { startMs: T0 + 40_000, endMs: T0 + 7_240_000 },
  ]);
  expect(scale.placeOf(T0 + 7_240_000) - scale.placeOf(T0 + 40_000)).toBeLessThan(0.06);
  for (const seconds of [0, 5, 10, 25, 40, 3_000, 7_239, 7_250, 7_270]) {
    expect(scale.timeAt(scale.placeOf(T0 + seconds * 1000))).toBeCloseTo(T0 + seconds * 1000, -1);
  }
});

it('leaves room for work among ten thousand pauses', () => {
  const busy = Array.from({ length: 10_000 }, (_, i) => ({ startMs: i * 100_000, endMs: i * 100_000 + 10 }));
  const scale = timeScale(busy, { startMs: 0, endMs: 1e9 });
  const worked = busy.reduce((sum, { startMs, endMs }) => sum + scale.placeOf(endMs) - scale.placeOf(startMs), 0);
  expect(worked).toBeGreaterThan(0.5);
});

it('writes a zoom that reads back as it was', () => {
  const scale = timeScale([{ startMs: T0, endMs: T0 + 60_000 }], { startMs: T0, endMs: T0 + 60_000 });
  expect(formatZoom(scale, WHOLE_WINDOW)).toBeUndefined();
  const window = zoomed(WHOLE_WINDOW, 0.5);
  expect(formatZoom(scale, window)).toBe('15000-45000');
  expect(parseZoom(scale, '15000-45000')).toEqual(window);
  for (const wrong of [undefined, '', '5-5', '9-1', 'x', '-']) expect(parseZoom(scale, wrong)).toEqual(WHOLE_WINDOW);
  expect(zoomed(zoomed(window, 4), 4)).toEqual(WHOLE_WINDOW);
});
