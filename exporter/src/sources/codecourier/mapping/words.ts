import type { AUDIT_ACTIONS, OUTPUT_ROLES, PULL_REQUEST_STATUSES, RUN_ORIGINS } from '../../../contract/records.ts';
import type { SANDBOX_STATUSES } from '../../../contract/status.ts';
import type { StatusTable } from '../../statusWords.ts';

/** Statuses of runs, steps and chains. */
export const STATUS_WORDS: StatusTable = {
  pending: 'queued',
  queued: 'queued',
  running: 'running',
  completed: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  canceled: 'cancelled',
  skipped: 'skipped',
};

type Words<T extends string> = Readonly<Record<string, T>>;

export const SANDBOX_WORDS: Words<(typeof SANDBOX_STATUSES)[number]> = {
  creating: 'creating',
  running: 'running',
  paused: 'paused',
  killed: 'killed',
  error: 'error',
};

/** `source` of a run, folded by {@link fold}. What is scheduled is a workflow that a clock triggered. */
export const ORIGIN_WORDS: Words<(typeof RUN_ORIGINS)[number]> = {
  workflow: 'workflow',
  scheduled: 'workflow',
  sprint: 'sprint',
  sandbox: 'sandbox',
  mergeagent: 'merge_agent',
  merge: 'merge_agent',
  issue: 'issue',
  issuesession: 'issue',
};

/** `prStatus`, folded. */
export const PULL_REQUEST_WORDS: Words<(typeof PULL_REQUEST_STATUSES)[number]> = {
  none: 'none',
  created: 'created',
  open: 'created',
  merged: 'merged',
  failed: 'failed',
  blockedonci: 'blocked_on_ci',
  closed: 'closed',
};

/** Who said a message of a sandbox, folded. */
export const OUTPUT_ROLE_WORDS: Words<(typeof OUTPUT_ROLES)[number]> = {
  assistant: 'assistant',
  agent: 'assistant',
  text: 'assistant',
  tool: 'tool',
  tooluse: 'tool',
  toolcall: 'tool',
  toolresult: 'tool',
  user: 'user',
  system: 'system',
  error: 'error',
  stdout: 'stdout',
  stderr: 'stderr',
};

export const OUTPUT_STATE_WORDS: Words<'streaming' | 'completed' | 'error'> = {
  streaming: 'streaming',
  pending: 'streaming',
  running: 'streaming',
  completed: 'completed',
  complete: 'completed',
  done: 'completed',
  error: 'error',
  failed: 'error',
};

export const VERDICT_WORDS: Words<'pass' | 'fail'> = {
  pass: 'pass',
  passed: 'pass',
  approved: 'pass',
  true: 'pass',
  fail: 'fail',
  failed: 'fail',
  rejected: 'fail',
  false: 'fail',
};

/** What GitHub calls the end of a check; the platform may write it where a status belongs. */
export const CHECK_CONCLUSIONS: ReadonlySet<string> = new Set([
  'success',
  'failure',
  'neutral',
  'cancelled',
  'skipped',
  'timed_out',
  'action_required',
  'stale',
]);

/** What was done, folded. */
export const AUDIT_ACTION_WORDS: Words<(typeof AUDIT_ACTIONS)[number]> = {
  sessionlaunch: 'session_launch',
  sessionlaunched: 'session_launch',
  personaedit: 'persona_edit',
  personaedited: 'persona_edit',
  budgetoverride: 'budget_override',
  budgetoverridden: 'budget_override',
  budgetacknowledge: 'budget_acknowledge',
  budgetacknowledged: 'budget_acknowledge',
  prmerge: 'pr_merge',
  prmerged: 'pr_merge',
};

/** `Merge agent`, `merge_agent` and `mergeAgent` are one word. */
export function fold(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

export function wordOf<T extends string>(words: Words<T>, word: string | undefined): T | undefined {
  if (word === undefined) return undefined;
  const folded = fold(word);
  return Object.hasOwn(words, folded) ? words[folded] : undefined;
}
