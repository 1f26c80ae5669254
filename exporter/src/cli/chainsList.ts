import type { ChainRecord } from '../contract/records.ts';
import { ApiClient } from './apiClient.ts';
import type { ChainsOptions } from './chains.ts';
import { formatAgo, formatSeconds, formatUsd, secondsFromTo } from './formatFigures.ts';
import { printable } from './printable.ts';
import { printJson, printLine, tell } from './printOutput.ts';
import { renderTable } from './renderTable.ts';
import { paintStatus } from './statusColour.ts';

/** `2/5`: sprints that ended well, of all. */
export function sprintsDone({ sprints = [], sprintCount }: ChainRecord): string {
  const done = sprints.filter(({ status }) => status === 'succeeded').length;
  const all = sprintCount ?? sprints.length;
  return all === 0 ? '' : `${done}/${all}`;
}

export async function listChainsCommand(options: ChainsOptions): Promise<void> {
  const { project, status, source, limit } = options;
  const api = await ApiClient.open(options);
  const page = await api.list<ChainRecord>('/api/v1/chains', { project, status, source }, limit);
  if (options.format === 'json') return await printJson(page);
  if (page.data.length === 0) return tell('No chain matches.');
  const nowMs = Date.now();
  const table = renderTable(page.data, [
    { head: 'STATUS', value: (chain) => paintStatus(chain.status) },
    { head: 'CHAIN', value: (chain) => printable(`${chain.source}/${chain.chainId}`) },
    { head: 'NAME', value: (chain) => printable(chain.name ?? ''), least: 16, optional: 2 },
    { head: 'PROJECT', value: (chain) => printable(chain.project ?? ''), least: 12, optional: 3 },
    { head: 'SPRINTS', value: sprintsDone },
    { head: 'CREATED', value: (chain) => formatAgo(chain.createdAt, nowMs) },
    {
      head: 'TOOK',
      value: (chain) => {
        const seconds = secondsFromTo(chain.createdAt, chain.finishedAt);
        return seconds === undefined ? '' : formatSeconds(seconds);
      },
      align: 'right',
      optional: 4,
    },
    { head: 'COST', value: (chain) => formatUsd(chain.costUsd), align: 'right', optional: 5 },
  ]);
  await printLine(table);
  if (page.nextCursor !== null) tell(`There are more; --limit ${limit * 5} shows further ones.`);
}
