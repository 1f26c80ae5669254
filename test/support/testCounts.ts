export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NONE: Counts = { passed: 0, failed: 0, skipped: 0 };

export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** `3 passed, 0 failed`, with `, 1 skipped` where something was skipped. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** What is read of the report of vitest's json reporter. */
interface VitestReport {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/**
 * Counts a vitest run. Only a test that ran and passed is `passed`. A file that did not load counts as one failure, and so
 * does a run that failed without a failed test (an unhandled error, no report, a failing teardown).
 * @param report the json reporter's text; undefined where there is none
 */
export function countTests(report: string | undefined, exitCode: number): Counts {
  const { testResults }: VitestReport = report === undefined ? { testResults: [] } : JSON.parse(report);
  const statuses = testResults.flatMap((file) => {
    const tests = file.assertionResults.map(({ status }) => status);
    return file.status === 'failed' && !tests.includes('failed') ? [...tests, 'failed'] : tests;
  });
  const passed = statuses.filter((status) => status === 'passed').length;
  const failed = statuses.filter((status) => status === 'failed').length;
  const unexplained = failed === 0 && (exitCode !== 0 || report === undefined);
  return { passed, failed: unexplained ? 1 : failed, skipped: statuses.length - passed - failed };
}

/** What is read of the report of Playwright's json reporter. */
interface PlaywrightReport {
  readonly stats: {
    readonly expected: number;
    readonly unexpected: number;
    readonly flaky: number;
    readonly skipped: number;
  };
}

/**
 * Counts a Playwright run as {@link countTests} does. A test that passed at its second try failed once: it counts as a failure.
 * @param report the json reporter's text; undefined where there is none
 */
export function countPlaywrightTests(report: string | undefined, exitCode: number): Counts {
  if (report === undefined) return { ...NONE, failed: 1 };
  const { expected, unexpected, flaky, skipped } = (JSON.parse(report) as PlaywrightReport).stats;
  const failed = unexpected + flaky;
  return { passed: expected, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped };
}
