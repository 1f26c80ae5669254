import type { Transaction } from '../transaction.ts';
import type { Baseline } from './baseline.ts';
import {
  hideBaseline,
  readCandidates,
  readStoredBaselines,
  type StoredBaseline,
  scopeKey,
  showBaseline,
  storeBaseline,
} from './baselineStore.ts';
import type { Scope } from './evaluationRow.ts';
import { withFixed } from './judgeEvaluations.ts';
import { qualityPolicyOf } from './qualityPolicy.ts';

interface ReplacedBy {
  readonly actor: string;
  readonly reason: string;
}

/** The score holds until a builder pins another or has the baseline made anew. */
export async function pinBaseline(tx: Transaction, scope: Scope, score: number, by: ReplacedBy): Promise<Baseline> {
  const begins = await endLast(tx, scope);
  const pinned = { how: 'pinned' as const, begins, collectsFrom: undefined, score, runs: [] };
  await storeBaseline(tx, scope, { ...pinned, series: showBaseline(tx, scope, score) }, by);
  return pinned;
}

/**
 * Has the baseline made anew, of the first evaluations from a time on: where the ledger has enough of them at once, else as soon
 * as it has. Until then there is none. What was judged by the one before stays judged.
 * @param from RFC 3339; undefined: from now on
 */
export async function rebaseBaseline(
  tx: Transaction,
  scope: Scope,
  from: string | undefined,
  by: ReplacedBy,
): Promise<Baseline> {
  const begins = await endLast(tx, scope);
  const rebased: StoredBaseline = {
    how: 'rebased',
    begins,
    collectsFrom: from ?? begins,
    score: undefined,
    runs: [],
    series: null,
  };
  await storeBaseline(tx, scope, rebased, by);
  // While the source is being read for the first time, more may come.
  if (tx.hides(scope.source)) return rebased;
  const known = await readCandidates(tx.client, [scope], qualityPolicyOf(tx).baselineRuns);
  const [baseline] = await withFixed(tx, scope, [rebased], known.get(scopeKey(scope)) ?? []);
  return baseline ?? rebased;
}

/** @returns when the next baseline begins: now, and later than the last one did. */
async function endLast(tx: Transaction, scope: Scope): Promise<string> {
  const last = (await readStoredBaselines(tx.client, [scope])).get(scopeKey(scope))?.at(-1);
  const begins = new Date(tx.nowMs).toISOString();
  if (last === undefined) return begins;
  await hideBaseline(tx, scope, last);
  return last.begins < begins ? begins : new Date(Date.parse(last.begins) + 1).toISOString();
}
