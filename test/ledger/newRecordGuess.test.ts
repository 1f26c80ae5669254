import { describe, expect, it } from 'vitest';
import type { NormalisedEvent } from '../../exporter/src/contract/events.ts';
import { verifyLedger } from '../../exporter/src/ledger/verify/verifyLedger.ts';
import { event, openLedger, rollupsOf } from './ledgerBed.ts';

/** Batches of new records make the ledger stop looking for existing ones; what then exists must count as ever. */
describe('records that were expected to be new', () => {
  const now = Date.now();
  const newBatch = (n: number): NormalisedEvent[] =>
    Array.from({ length: 4 }, (_, i) =>
      event(`new-${n}-${i}`, 'usage', now - 60_000, {
        usageId: `${n}-${i}`,
        project: 'web',
        costUsd: 1,
        inputTokens: 10,
      }),
    );
  const changes: { name: string; events: NormalisedEvent[]; results: string[] }[] = [
    { name: 'a replayed event', events: newBatch(3).slice(0, 1), results: ['duplicate'] },
    {
      name: 'the same id with another body',
      events: [event('new-3-0', 'usage', now - 60_000, { usageId: 'other', costUsd: 5 })],
      results: ['conflict'],
    },
    {
      name: 'a record that exists',
      events: [
        event('update', 'usage', now - 50_000, { usageId: '3-1', costUsd: 7 }),
        event('beside', 'usage', now - 50_000, { usageId: 'beside', costUsd: 2, project: 'web' }),
      ],
      results: ['accepted', 'accepted'],
    },
    {
      name: 'all of that in one batch, twice the same id in it',
      events: [
        ...newBatch(4),
        ...newBatch(20),
        ...newBatch(20),
        event('late', 'usage', now - 70_000, { usageId: '4-0', costUsd: 3 }),
      ],
      results: [...Array(4).fill('duplicate'), ...Array(4).fill('accepted'), ...Array(4).fill('duplicate'), 'accepted'],
    },
  ];

  it.each(changes)('$name', async ({ events, results }) => {
    await using guessing = await openLedger();
    await using looking = await openLedger();
    for (let n = 0; n < 10; n++) {
      await guessing.ledger.recordPushed(newBatch(n));
      // Another replica each time has no experience: it looks for every record.
      await looking.replica().recordPushed(newBatch(n));
    }
    expect((await guessing.ledger.recordPushed(events)).map(({ result }) => result)).toEqual(results);
    expect((await looking.replica().recordPushed(events)).map(({ result }) => result)).toEqual(results);
    expect(await rollupsOf(guessing)).toEqual(await rollupsOf(looking));
    const docs = 'select key, doc, counted is null as uncounted from fleetlens.usage order by key';
    expect(await guessing.query(docs)).toEqual(await looking.query(docs));
    expect(await verifyLedger(guessing.ledger.pool)).toMatchObject({ differences: [] });
    // It goes on after the wrong guess.
    expect((await guessing.ledger.recordPushed(newBatch(30))).map(({ result }) => result)).toEqual(
      Array(4).fill('accepted'),
    );
  });
});
