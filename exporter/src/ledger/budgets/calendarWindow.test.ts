import { describe, expect, it } from 'vitest';
import { windowAt } from './calendarWindow.ts';
import { SLOT_MS, slotTime } from './slot.ts';
import { slotOfCost } from './slotOfCost.ts';

describe('windows', () => {
  it.each([
    ['day', '2026-03-29T12:00:00Z', 'Europe/Berlin', '2026-03-28T23:00', '2026-03-29T22:00', 23],
    ['day', '2026-10-25T00:30:00Z', 'Europe/Berlin', '2026-10-24T22:00', '2026-10-25T23:00', 25],
    ['day', '2026-10-25T22:59:59Z', 'Europe/Berlin', '2026-10-24T22:00', '2026-10-25T23:00', 25],
    ['day', '2026-03-08T08:00:00Z', 'America/New_York', '2026-03-08T05:00', '2026-03-09T04:00', 23],
    // The clocks skip midnight there: the day begins at one.
    ['day', '2026-04-24T12:00:00Z', 'Africa/Cairo', '2026-04-23T22:00', '2026-04-24T21:00', 23],
    // Half an hour of daylight saving, and zones of a quarter.
    ['day', '2026-04-05T00:00:00Z', 'Australia/Lord_Howe', '2026-04-04T13:00', '2026-04-05T13:30', 24.5],
    ['day', '2026-06-01T00:00:00Z', 'Asia/Kathmandu', '2026-05-31T18:15', '2026-06-01T18:15', 24],
    ['day', '2026-06-01T00:00:00Z', 'Pacific/Kiritimati', '2026-05-31T10:00', '2026-06-01T10:00', 24],
    ['day', '2026-06-01T00:00:00Z', 'Pacific/Pago_Pago', '2026-05-31T11:00', '2026-06-01T11:00', 24],
    ['month', '2028-02-29T23:59:59Z', 'UTC', '2028-02-01T00:00', '2028-03-01T00:00', 29 * 24],
    ['month', '2026-12-31T23:30:00Z', 'Europe/Berlin', '2026-12-31T23:00', '2027-01-31T23:00', 31 * 24],
    ['month', '2026-03-15T00:00:00Z', 'Europe/Berlin', '2026-02-28T23:00', '2026-03-31T22:00', 31 * 24 - 1],
    ['month', '2026-10-31T23:30:00Z', 'Europe/Berlin', '2026-10-31T23:00', '2026-11-30T23:00', 30 * 24],
  ] as const)('%s at %s in %s is %s to %s, %s hours', (unit, at, zone, from, to, hours) => {
    const { starts, ends } = windowAt(unit, Date.parse(at), zone);
    expect([slotTime(starts).slice(0, 16), slotTime(ends).slice(0, 16)]).toEqual([from, to]);
    expect(((ends - starts) * SLOT_MS) / 3_600_000).toBe(hours);
  });
});

describe('when money was spent', () => {
  it.each([
    ['when it was told', { at: '2026-11-21T13:07:00.000Z', timeZone: 'UTC' }, '2026-11-21T13:00'],
    [
      'that too, on its own day',
      { at: '2026-11-21T13:07:00.000Z', date: '2026-11-21', timeZone: 'UTC' },
      '2026-11-21T13:00',
    ],
    [
      'at noon of its day, where it was told later',
      { at: '2026-11-23T01:00:00.000Z', date: '2026-11-21', timeZone: 'UTC' },
      '2026-11-21T12:00',
    ],
    [
      'on the day of its source',
      { at: '2026-11-21T01:00:00.000Z', date: '2026-11-20', timeZone: 'America/Los_Angeles' },
      '2026-11-21T01:00',
    ],
    [
      'at noon there',
      { at: '2026-11-23T01:00:00.000Z', date: '2026-11-20', timeZone: 'America/Los_Angeles' },
      '2026-11-20T20:00',
    ],
  ])('%s', (_name, time, expected) => {
    expect(slotTime(slotOfCost(time)).slice(0, 16)).toBe(expected);
  });
});
