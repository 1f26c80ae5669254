import { waitFor } from './waitFor.ts';

const LATE = /^fleet_(run_cost_usd_count|quality_regressions_total)/;

/**
 * Waits until nothing is counted any more of what came in before: the cost of a run and its judgement against the baseline come
 * after its end.
 * @param scrape the exporter's metrics as text
 */
export async function settleHistory(scrape: () => Promise<string>): Promise<void> {
  let before = '';
  const look = async () => {
    const lines = (await scrape()).split('\n');
    const late = lines.filter((line) => LATE.test(line)).join('\n');
    const isSettled = late.includes('fleet_run_cost_usd') && late === before;
    before = late;
    return isSettled;
  };
  await waitFor(look, { what: 'cost and baselines of the history', timeoutMs: 120_000, intervalMs: 1_500 });
}
