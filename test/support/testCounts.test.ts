import { describe, expect, it } from 'vitest';
import { countPlaywrightTests, countTests, formatCounts } from './testCounts.ts';

function report(...files: { status: string; tests: string[] }[]): string {
  const testResults = files.map(({ status, tests }) => ({
    status,
    assertionResults: tests.map((test) => ({ status: test })),
  }));
  return JSON.stringify({ testResults });
}

describe('countTests', () => {
  it('counts what ran, and never a skipped or todo test as passed', () => {
    const text = report(
      { status: 'passed', tests: ['passed', 'pending', 'todo', 'skipped'] },
      { status: 'failed', tests: ['passed', 'failed'] },
    );
    expect(countTests(text, 1)).toEqual({ passed: 2, failed: 1, skipped: 3 });
  });

  it('counts a file that did not load as a failure', () => {
    expect(countTests(report({ status: 'failed', tests: [] }), 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countTests(report({ status: 'failed', tests: ['passed'] }), 1)).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
    });
  });

  it('counts a run that failed without a failed test, or left no report, as a failure', () => {
    expect(countTests(report({ status: 'passed', tests: ['passed'] }), 1).failed).toBe(1);
    expect(countTests(undefined, 0).failed).toBe(1);
    expect(countTests(report({ status: 'passed', tests: ['passed'] }), 0).failed).toBe(0);
  });
});

describe('countPlaywrightTests', () => {
  const text = (stats: object) =>
    JSON.stringify({ stats: { expected: 0, unexpected: 0, flaky: 0, skipped: 0, ...stats } });

  it('counts what passed at the first try alone as passed', () => {
    const report = text({ expected: 5, unexpected: 1, flaky: 2, skipped: 3 });
    expect(countPlaywrightTests(report, 1)).toEqual({ passed: 5, failed: 3, skipped: 3 });
  });

  it('counts a run that failed without a failed test, or left no report, as a failure', () => {
    expect(countPlaywrightTests(text({ expected: 5 }), 1).failed).toBe(1);
    expect(countPlaywrightTests(undefined, 0).failed).toBe(1);
    expect(countPlaywrightTests(text({ expected: 5 }), 0).failed).toBe(0);
  });
});

describe('formatCounts', () => {
  it('names skipped tests only where there are some', () => {
    expect(formatCounts({ passed: 12, failed: 0, skipped: 0 })).toBe('12 passed, 0 failed');
    expect(formatCounts({ passed: 12, failed: 1, skipped: 2 })).toBe('12 passed, 1 failed, 2 skipped');
  });
});
