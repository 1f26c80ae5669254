import pino from 'pino';
import { expect, it } from 'vitest';
import { BackfillProgress } from './backfillProgress.ts';

it('tells every few seconds how far a backfill is, also one that goes on after an interruption', () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let now = 0;
  const progress = new BackfillProgress(log, () => now);
  for (let page = 1; page <= 8; page++) {
    now += 2_000;
    // 5,000 of 20,000 rows had been read before the restart; each row gives three records.
    progress.page(3_000, { done: 5_000 + page * 1_000, total: 20_000 });
  }
  progress.end();
  expect(lines.map(({ done, etaSeconds, recordsPerSecond }) => [done, etaSeconds, recordsPerSecond])).toEqual([
    [8_000, 24, 1_500],
    [11_000, 18, 1_500],
    [undefined, undefined, undefined],
  ]);
  expect(lines.at(-1)).toMatchObject({ records: 24_000, seconds: 16, msg: 'the history of the source is read' });
});
