import type { RunRecord } from '../../contract/records.ts';
import type { Project, Workflow } from './fleet.ts';
import type { Task } from './tasks.ts';

/** What is known of a run when it is asked for. None of it changes later. */
export interface RunPlan {
  readonly runId: string;
  readonly project: Project;
  readonly workflow: Workflow;
  readonly task: Task;
  readonly prompt: string;
  readonly name: string;
  readonly origin: NonNullable<RunRecord['origin']>;
  /** user, schedule or api; runs of chains and of the merge agent have none. */
  readonly trigger?: 'user' | 'schedule' | 'api' | undefined;
  readonly user: string;
  readonly createdMs: number;
  readonly chain?: { readonly chainId: string; readonly index: number } | undefined;
  readonly issueSessionId?: string | undefined;
}
