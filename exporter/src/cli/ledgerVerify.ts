import { familyOf } from '../contract/metricCatalogue.ts';
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

export async function verifyLedgerCommand(options: { config?: string }): Promise<void> {
  const differences = await withLedger(options, async ({ pool }) => {
    const progress = await showProgress('Verifying');
    try {
      return (
        await verifyLedger(pool, {
          onProgress: ({ done, total }) => progress.update(done, total, `${done} records`),
        })
      ).differences;
    } finally {
      progress.stop();
    }
  });
  for (const difference of differences) await printLine(describe(difference));
  if (differences.length > 0) {
    throw new CliError(`${differences.length} differences; \`fleetlens ledger rebuild\` repairs them`);
  }
  tell('The ledger is right: every rollup is what its records add up to.');
}

export async function rebuildLedgerCommand(options: { config?: string }): Promise<void> {
  const { repaired, unrepaired } = await withLedger(options, async ({ pool }) => {
    const progress = await showProgress('Rebuilding');
    try {
      return await rebuildLedger(pool, {
        onProgress: ({ done, total }) => progress.update(done, total, `${done} records`),
      });
    } finally {
      progress.stop();
    }
  });
  for (const difference of repaired) await printLine(`repaired ${describe(difference)}`);
  for (const difference of unrepaired) await printLine(`cannot repair ${describe(difference)}`);
  if (unrepaired.length > 0) {
    throw new CliError(
      `${unrepaired.length} label sets are gone and only a backup has them: \`fleetlens ledger restore\``,
    );
  }
  tell(repaired.length === 0 ? 'Nothing was wrong.' : `${repaired.length} differences repaired.`);
}
