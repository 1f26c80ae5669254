import { STATUSES, type Status } from '@contract/status.ts';
import type { FleetApi, Listed, Parameters } from '../../api/FleetApi';
import { links } from '../../app/links';

/**
 * What an alert can be about: a status of runs; failures, time-outs among them, that nobody has looked at; pull requests that are blocked;
 * chains that failed; approvals that are waited for.
 */
export const OLDEST_STATES = [...STATUSES, 'unattended', 'blocked_on_ci', 'chain_failed', 'approval'] as const;
export type OldestState = (typeof OLDEST_STATES)[number];

type Scope = Readonly<Record<'source' | 'project' | 'workflow', readonly string[]>>;

export interface Oldest {
  /** The page of the one that has been so for longest; undefined: there is none (any more). */
  readonly one: string | undefined;
  /** Where others like it are listed. */
  readonly all: string;
}

/** Blocked pull requests among which the one is looked for that has been so for longest. */
const MOST_BLOCKED = 500;

export async function readOldest(
  api: FleetApi,
  state: OldestState,
  scope: Scope,
  signal: AbortSignal,
): Promise<Oldest> {
  const { workflow, ...place } = scope;
  switch (state) {
    case 'unattended': {
      const filters = { ...scope, unattended: 'true', sort: 'finished_at', order: 'asc' } satisfies Parameters;
      const { data } = await api.runs({ ...filters, limit: 1 }, { signal });
      return { one: runPage(data[0]), all: links.runs(filters) };
    }
    case 'blocked_on_ci': {
      const filters = { ...scope, pr_status: state };
      const { data } = await api.runs(
        { ...filters, sort: 'created_at', order: 'asc', limit: MOST_BLOCKED },
        { signal },
      );
      const since = ({ pullRequest, createdAt }: Listed<'run'>) => pullRequest?.blockedSince ?? createdAt ?? '';
      return { one: runPage(data.toSorted((a, b) => since(a).localeCompare(since(b)))[0]), all: links.runs(filters) };
    }
    case 'chain_failed': {
      const filters = { ...scope, status: 'failed' };
      const { data } = await api.list<'chain'>('chains', { ...filters, limit: 1 }, { signal });
      const [chain] = data;
      return { one: chain && links.chain(chain.source, chain.chainId), all: links.chains(filters) };
    }
    case 'approval': {
      const asked = { ...scope, state: 'pending' };
      const { data } = await api.list<'approval'>('approvals', { ...asked, order: 'oldest', limit: 1 }, { signal });
      const [approval] = data;
      const all = links.approvals(asked);
      if (approval === undefined) return { one: undefined, all };
      return { one: approval.runId === undefined ? all : links.run(approval.source, approval.runId), all };
    }
    default: {
      const filters = { ...place, workflow, status: state, ...waitingFor(state) };
      const { data } = await api.runs({ ...filters, ...sortOf(state), limit: 1 }, { signal });
      return { one: runPage(data[0]), all: links.runs({ ...filters, ...sortOf(state) }) };
    }
  }
}

/** A failure is waited for until somebody looked at it; older ones that were dealt with are not what an alert means. */
function waitingFor(state: Status): { unattended?: 'true' } {
  return state === 'failed' || state === 'timed_out' ? { unattended: 'true' } : {};
}

function sortOf(state: Status): { sort: string; order: string } {
  const sort =
    state === 'running' ? 'started_at' : state === 'failed' || state === 'timed_out' ? 'finished_at' : 'created_at';
  return { sort, order: 'asc' } satisfies Parameters;
}

function runPage(run: Listed<'run'> | undefined): string | undefined {
  return run && links.run(run.source, run.runId);
}
