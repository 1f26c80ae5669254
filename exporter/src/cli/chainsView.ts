import type { ChainRecord } from '../contract/records.ts';
import { isOpen } from '../contract/status.ts';
import { ApiClient } from './apiClient.ts';
import type { ApiOptions } from './apiOptions.ts';
import { sprintsDone } from './chainsList.ts';
import { formatAgo, formatSeconds, formatUsd, secondsFromTo } from './formatFigures.ts';
import { printable } from './printable.ts';
import { printJson, printLine } from './printOutput.ts';
import { renderTable } from './renderTable.ts';
import { paint, paintStatus } from './statusColour.ts';

type Sprint = NonNullable<ChainRecord['sprints']>[number];

export async function viewChainCommand(
  { source, id }: { readonly source: string; readonly id: string },
  options: ApiOptions & { readonly format: 'table' | 'json' },
): Promise<void> {
  const api = await ApiClient.open(options);
  const chain = await api.get<ChainRecord>(`/api/v1/chains/${encodeURIComponent(source)}/${encodeURIComponent(id)}`);
  if (options.format === 'json') await printJson(chain);
  else await printLine(describeChain(chain, Date.now()));
}

/** The page of a chain as text. */
export function describeChain(chain: ChainRecord, nowMs: number): string {
  const { sprints = [], failedSprintIndex } = chain;
  const head = [
    `${paint('bold', printable(`${chain.source}/${chain.chainId}`))}  ${printable(chain.name ?? '')}`.trimEnd(),
    [
      paintStatus(chain.status),
      printable(chain.project ?? ''),
      `${sprintsDone(chain)} sprints`,
      chain.createdAt === undefined ? '' : `created ${formatAgo(chain.createdAt, nowMs)}`,
      formatUsd(chain.costUsd),
    ]
      .filter((part) => part !== '')
      .join('  '),
    ...(failedSprintIndex === undefined
      ? []
      : [
          `${paint('red', `Sprint ${failedSprintIndex} failed.`)} See its run; the platform can resume the chain from that sprint.`,
        ]),
  ].join('\n');
  if (sprints.length === 0) return head;
  const now = new Date(nowMs).toISOString();
  const table = renderTable<Sprint>(sprints, [
    { head: '#', value: ({ index }) => String(index), align: 'right' },
    { head: 'SPRINT', value: ({ name }) => printable(name ?? ''), least: 16, optional: 1 },
    { head: 'STATUS', value: ({ status }) => paintStatus(status) },
    {
      head: 'RUN',
      value: ({ runId }) => (runId === undefined ? '' : printable(`${chain.source}/${runId}`)),
      optional: 2,
    },
    {
      head: 'TOOK',
      value: ({ startedAt, finishedAt, status }) => {
        const seconds = secondsFromTo(startedAt, finishedAt ?? (isOpen(status) ? now : undefined));
        return seconds === undefined ? '' : formatSeconds(seconds);
      },
      align: 'right',
    },
    { head: 'PULL REQUEST', value: ({ prUrl }) => printable(prUrl ?? ''), least: 12, optional: 3 },
  ]);
  return `${head}\n\n${table}`;
}
