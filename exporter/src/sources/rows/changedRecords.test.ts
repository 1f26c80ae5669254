import { expect, it } from 'vitest';
import { ChangedRecords } from './changedRecords.ts';

const ROW = { id: 'r', records: [{ kind: 'run', data: { runId: 'r' } } as const] };

it('a row that was committed is not sent again, also when Postgres gives the cursor back in an order of its own', () => {
  const changed = new ChangedRecords();
  changed.startPoll(undefined);
  const first = changed.select([ROW]);
  expect(first.records).toHaveLength(1);
  first.committed({ v: 1, phase: 'live', mark: { now: 'n', horizon: undefined } });
  changed.startPoll({ v: 1, mark: { now: 'n' }, phase: 'live' });
  expect(changed.select([ROW]).records).toEqual([]);
  // Another replica polled in between: what it committed is not known here.
  changed.startPoll({ v: 1, mark: { now: 'later' }, phase: 'live' });
  expect(changed.select([ROW]).records).toHaveLength(1);
});
