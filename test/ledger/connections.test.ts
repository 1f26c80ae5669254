import { afterEach, expect, it, vi } from 'vitest';
import { event, type LedgerBed, openLedger } from './ledgerBed.ts';

afterEach(() => {
  vi.useRealTimers();
});

const writers = ({ query }: LedgerBed) =>
  query<{ pid: number }>(
    "select pid from pg_stat_activity where datname = current_database() and application_name = 'fleetlens writer'",
  );
const run = (id: string) => event(id, 'run', Date.now() - 1_000, { runId: id, project: 'p', status: 'running' });

it('a fleet that pushes once an hour finds the connection of the writer as it left it', async () => {
  await using bed = await openLedger();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await bed.ledger.recordPushed([run('first')]);
  const before = await writers(bed);
  expect(before).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(3_600_000);
  await bed.ledger.recordPushed([run('second')]);
  expect(await writers(bed)).toEqual(before);
});
