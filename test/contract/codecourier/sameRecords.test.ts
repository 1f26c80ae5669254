import { expect, it } from 'vitest';
import { pollForTest } from '../../../exporter/src/sources/pollForTest.ts';
import { RecordingLedger } from '../../../exporter/src/sources/recordingLedger.ts';
import { openConvex, openRest } from './bed.ts';
import { makeWeek, makeWorld } from './world.ts';

const sorted = (ledger: RecordingLedger) =>
  Object.fromEntries(
    [...ledger.records].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { fields }]) => [key, fields]),
  );

it.each([
  ['a project with every field', makeWorld],
  ['a busy project', () => makeWeek(250)],
])('%s gives the same records by REST and by Convex', async (_what, make) => {
  const rest = await openRest(make());
  const lists = await openRest(make(), { embedded: false });
  const convex = await openConvex(make());
  const ledgers = [new RecordingLedger(), new RecordingLedger(), new RecordingLedger()] as const;
  await pollForTest(rest.source, ledgers[0]);
  await pollForTest(lists.source, ledgers[1]);
  await pollForTest(convex.source, ledgers[2]);
  expect(ledgers[0].records.size).toBeGreaterThan(30);
  expect(sorted(ledgers[1])).toEqual(sorted(ledgers[0]));
  expect(sorted(ledgers[2])).toEqual(sorted(ledgers[0]));
  expect([...rest.lines, ...lists.lines, ...convex.lines]).toEqual([]);
});
