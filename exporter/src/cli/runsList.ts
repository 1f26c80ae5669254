import type { RunRecord } from '../contract/records.ts';
import { ApiClient, type Parameters } from './apiClient.ts';
import { printJson, printLine, tell } from './printOutput.ts';
import type { RunsOptions } from './runs.ts';
import { runsTable } from './runsTable.ts';

/** The filters of a command as parameters of `GET /api/v1/runs`. */
export function runParameters(options: RunsOptions): Parameters {
  const { project, status, source, workflow, sinceHours } = options;
  const since = sinceHours === undefined ? undefined : new Date(Date.now() - sinceHours * 3_600_000).toISOString();
  return { project, status, source, workflow, since };
}

export async function listRunsCommand(
  options: RunsOptions & { limit: number; format: 'table' | 'json' },
): Promise<void> {
  const api = await ApiClient.open(options);
  const page = await api.list<RunRecord>('/api/v1/runs', runParameters(options), options.limit);
  if (options.format === 'json') return await printJson(page);
  if (page.data.length === 0) return tell('No run matches.');
  await printLine(runsTable(page.data));
  if (page.nextCursor !== null) tell(`There are more; --limit ${options.limit * 5} shows further ones.`);
}
