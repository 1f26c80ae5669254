import { familyOf } from '../contract/metricCatalogue.ts';
import { type FactsVerification, verifyFacts } from '../ledger/analytics/verifyFacts.ts';
import { rebuildLedger } from '../ledger/verify/rebuildLedger.ts';
import { type Difference, verifyLedger } from '../ledger/verify/verifyLedger.ts';
import { labelPairs } from '../metrics/exposition.ts';
import { CliError } from './cliError.ts';
import { withLedger } from './openLedger.ts';
import { printable } from './printable.ts';
import { printLine, tell } from './printOutput.ts';
import { showProgress } from './progress.ts';

function describe({ family, labels, what, of, expected, found }: Difference): string {
  // A label set that is gone left its number alone.
  const name = family === '' ? 'a label set that is gone' : `${family}{${labelPairs(familyOf(family).labels, labels)}}`;
  return printable(`${name} ${what}${of === undefined ? '' : ` of ${of}`}: found ${found}, expected ${expected}`);
}

const wrongOf = ({ facts, sums }: FactsVerification) => facts + sums;

function describeAnalytics({ facts, sums }: FactsVerification): string {
  return `analytics: ${facts} facts that are not what the records say, ${sums} sums of hours and days that are not what the facts add up to`;
}

export async function verifyLedgerCommand(options: { config?: string }): Promise<void> {
  const { differences, analytics } = await withLedger(options, async ({ pool }) => {
    const progress = await showProgress('Verifying');
    try {
      const { differences } = await verifyLedger(pool, {
        onProgress: ({ done, total }) => progress.update(done, total, `${done} records`),
      });
      return { differences, analytics: await verifyFacts(pool) };
    } finally {
      progress.stop();
    }
  });
  for (const difference of differences) await printLine(describe(difference));
  if (wrongOf(analytics) > 0) await printLine(describeAnalytics(analytics));
  const wrong = differences.length + wrongOf(analytics);
  if (wrong > 0) throw new CliError(`${wrong} differences; \`fleetlens ledger rebuild\` repairs them`);
  tell('The ledger is right: every rollup is what its records add up to.');
}

export async function rebuildLedgerCommand(options: { config?: string }): Promise<void> {
  const { repaired, unrepaired, analytics } = await withLedger(options, async ({ pool }) => {
    const progress = await showProgress('Rebuilding');
    try {
      const rebuilt = await rebuildLedger(pool, {
        onProgress: ({ done, total }) => progress.update(done, total, `${done} records`),
      });
      return { ...rebuilt, analytics: await verifyFacts(pool, { repair: true }) };
    } finally {
      progress.stop();
    }
  });
  for (const difference of repaired) await printLine(`repaired ${describe(difference)}`);
  if (wrongOf(analytics) > 0) await printLine(`repaired ${describeAnalytics(analytics)}`);
  for (const difference of unrepaired) await printLine(`cannot repair ${describe(difference)}`);
  if (unrepaired.length > 0) {
    throw new CliError(
      `${unrepaired.length} label sets are gone and only a backup has them: \`fleetlens ledger restore\``,
    );
  }
  const right = repaired.length + wrongOf(analytics);
  tell(right === 0 ? 'Nothing was wrong.' : `${right} differences repaired.`);
}
