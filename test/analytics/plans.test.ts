import { expect, it } from 'vitest';
import { RUN_FACTS } from '../../exporter/src/ledger/analytics/runFacts.ts';
import { openLedger } from '../ledger/ledgerBed.ts';

it('looks the records of a run up through indexes, however many other runs have some', async () => {
  await using bed = await openLedger();
  const client = await bed.ledger.pool.connect();
  try {
    await client.query(`begin; set local enable_seqscan = off`);
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain with ${RUN_FACTS} select * from facts`, [
      ['agents'],
      ['run-1'],
    ]);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    const ofUsage = plan.match(/using usage_run .*\n.*/g);
    expect(ofUsage).not.toBeNull();
    for (const scan of ofUsage ?? []) expect(scan).toMatch(/Index Cond: .*run_id = /);
    expect(plan).not.toMatch(/Seq Scan on (run|usage|step)/);
  } finally {
    await client.query('rollback');
    client.release();
  }
});
