import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MemoryStore } from './memoryStore.ts';

const LIMIT = { max: 3, windowMs: 60_000 };

it('a window begins with the first request and forgets all of them at its end', () => {
  let now = 5_000;
  const store = new MemoryStore({ now: () => now });
  const take = () => store.take(['a'], LIMIT);
  expect(take()).toEqual({ allowed: true, key: 'a', remaining: 2, resetMs: 60_000 });
  now += 20_000;
  expect([take(), take()].map(({ remaining }) => remaining)).toEqual([1, 0]);
  expect(take()).toEqual({ allowed: false, key: 'a', remaining: 0, resetMs: 40_000 });
  now += 39_999;
  expect(take().allowed).toBe(false);
  now += 1;
  expect(take()).toMatchObject({ allowed: true, remaining: 2, resetMs: 60_000 });
});

it('what one full counter refuses is not counted under the others', () => {
  const store = new MemoryStore();
  for (let i = 0; i < 3; i++) store.take(['full'], LIMIT);
  for (let i = 0; i < 10; i++)
    expect(store.take(['other', 'full'], LIMIT)).toMatchObject({ allowed: false, key: 'full' });
  expect(store.take(['other'], LIMIT).remaining).toBe(2);
});

it('of several counters it tells of the one that is nearest to its limit', () => {
  const store = new MemoryStore();
  store.take(['busy'], LIMIT);
  expect(store.take(['idle', 'busy', 'idler'], LIMIT)).toMatchObject({ allowed: true, key: 'busy', remaining: 1 });
});

it('never passes more than max in a window, whatever the keys and times', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), afterMs: fc.nat(30_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let now = 0;
      const store = new MemoryStore({ now: () => now });
      const passed: { key: string; at: number; endsAt: number }[] = [];
      for (const { key, afterMs } of steps) {
        now += afterMs;
        const { allowed, resetMs } = store.take([key], LIMIT);
        if (allowed) passed.push({ key, at: now, endsAt: now + resetMs });
      }
      for (const { key, endsAt } of passed) {
        const within = passed.filter((one) => one.key === key && one.endsAt === endsAt);
        expect(within.length).toBeLessThanOrEqual(LIMIT.max);
      }
    }),
  );
});

it('a sender with more addresses than it keeps makes it forget the oldest, neither grow nor forget who still comes', () => {
  const store = new MemoryStore({ maxKeys: 100, now: () => 0 });
  const often = { max: 1_000, windowMs: 60_000 };
  for (let i = 0; i < 10_000; i++) {
    store.take([`address-${i}`], LIMIT);
    if (i % 20 === 0) store.take(['who comes often'], often);
    expect(store.size).toBeLessThanOrEqual(100);
  }
  expect(store.take(['address-9999'], LIMIT).remaining).toBe(1);
  expect(store.take(['address-0'], LIMIT).remaining).toBe(2);
  expect(store.take(['who comes often'], often).remaining).toBe(1_000 - 501);
});

it('windows that ended leave as new ones come', () => {
  let now = 0;
  const store = new MemoryStore({ now: () => now });
  for (let minute = 0; minute < 20; minute++) {
    for (let i = 0; i < 1_000; i++) store.take([`address-${minute}-${i}`], LIMIT);
    now += LIMIT.windowMs;
  }
  expect(store.size).toBeLessThanOrEqual(2_000);
});

it('a counter is kept for its window, however many others are asked for meanwhile', () => {
  let now = 0;
  const store = new MemoryStore({ now: () => now });
  store.take(['early'], LIMIT);
  now += LIMIT.windowMs;
  for (let i = 0; i < 3; i++) store.take(['full'], LIMIT);
  for (let i = 0; i < 10; i++) store.take([`other ${i}`], LIMIT);
  expect(store.take(['full'], LIMIT)).toMatchObject({ allowed: false, key: 'full' });
});
