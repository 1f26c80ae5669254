import { writeFile } from 'node:fs/promises';
import type { BudgetReviewAnswer, FailuresAnswer, ReviewAnswer } from '../contract/analytics.ts';
import { ApiClient } from './apiClient.ts';
import { CliError } from './cliError.ts';
import { printLine, tell } from './printOutput.ts';
import type { WeeklyReportOptions } from './report.ts';
import { weeklyReport } from './weeklyReport.ts';

/** Failures in the report: the most frequent patterns. */
const MOST_FAILURES = 10;

export async function reportWeeklyCommand(options: WeeklyReportOptions): Promise<void> {
  const { week, project, timeZone, output, runLink } = options;
  const api = await ApiClient.open(options);
  const personas = await api.get<ReviewAnswer>('/api/v1/analytics/personas', { week, project, time_zone: timeZone });
  const budgets = await api.get<BudgetReviewAnswer>('/api/v1/analytics/budgets', { week: personas.week, project });
  const { from, to } = personas;
  const failures = await api.get<FailuresAnswer>('/api/v1/analytics/failures', {
    ...{ from, to, project },
    limit: MOST_FAILURES,
  });
  const report = weeklyReport({ personas, budgets, failures, project, runLink });
  if (output === undefined) return await printLine(report.trimEnd());
  try {
    await writeFile(output, report);
  } catch (cause) {
    throw new CliError(`--output: ${output} cannot be written: ${(cause as Error).message}`, { cause });
  }
  tell(`Week ${personas.week} written to ${output}.`);
}
