import type { Listed } from '../../api/FleetApi';
import { chainSprints } from './chainSprints';

const NOW = Date.parse('2026-11-20T13:00:00Z');
const chain = (changes: Partial<Listed<'chain'>>): Listed<'chain'> => ({
  source: 'cc',
  chainId: 'c1',
  createdAt: '2026-11-20T10:00:00Z',
  status: 'running',
  sprintCount: 3,
  ...changes,
});
const sprint = (index: number, status: 'succeeded' | 'failed' | 'running', from: string, to?: string) => ({
  index,
  status,
  startedAt: `2026-11-20T${from}:00Z`,
  ...(to === undefined ? {} : { finishedAt: `2026-11-20T${to}:00Z` }),
});

it('knows what is done, what is to come and how long each waited', () => {
  const sprints = [sprint(0, 'succeeded', '10:01', '10:31'), sprint(1, 'running', '10:36')];
  const { done, total, sprints: all, longest, waitSeconds, stalledSince } = chainSprints(chain({ sprints }), [], NOW);
  expect([done, total, stalledSince]).toEqual([1, 3, undefined]);
  expect(all.map(({ status }) => status)).toEqual(['succeeded', 'running', 'queued']);
  expect(all.map((one) => one.waitSeconds)).toEqual([60, 300, undefined]);
  expect([longest?.index, longest?.seconds, waitSeconds]).toEqual([1, 8_640, 360]);
});

it('says which sprint failed, with its run, and what resuming from there would run', () => {
  const runs = [
    { source: 'cc', runId: 'old', sprintIndex: 1, createdAt: '2026-11-20T10:31:00Z', status: 'failed' as const },
    {
      source: 'cc',
      runId: 'new',
      sprintIndex: 1,
      createdAt: '2026-11-20T11:31:00Z',
      status: 'failed' as const,
      costUsd: 2,
    },
  ];
  const sprints = [sprint(0, 'succeeded', '10:01', '10:31'), sprint(1, 'failed', '10:36', '10:40')];
  const { failed, sprints: all, costUsd } = chainSprints(chain({ status: 'failed', sprints }), runs, NOW);
  expect([failed?.index, failed?.runId]).toEqual([1, 'new']);
  expect(all.map(({ isRedone }) => isRedone)).toEqual([false, true, true]);
  expect(costUsd).toBe(2);
});

it('calls a link stalled where no sprint goes on and the next one has not begun for a quarter of an hour', () => {
  const sprints = [sprint(0, 'succeeded', '10:01', '10:31')];
  const at = (time: string) => chainSprints(chain({ sprints }), [], Date.parse(`2026-11-20T${time}:00Z`)).stalledSince;
  expect(at('10:45')).toBeUndefined();
  expect(at('10:47')).toBe('2026-11-20T10:31:00Z');
  const ended = chainSprints(chain({ status: 'failed', sprints }), [], NOW);
  expect(ended.stalledSince).toBeUndefined();
});
