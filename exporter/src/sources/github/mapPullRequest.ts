import { type CiStatus, ciStatusOf } from '../../contract/ciStatus.ts';
import { MAX_NAME_LENGTH } from '../../contract/fields.ts';
import type { RunRecord } from '../../contract/records.ts';
import type { CheckRunAnswer, CommitStatus, PullAnswer, PullRequestNode } from './answers.ts';

/** What polls, batches and webhooks all come down to: parts of a run record. */
export type PullRequestPart = NonNullable<RunRecord['pullRequest']>;
export interface CheckPart {
  readonly name: string;
  readonly status: string;
  readonly conclusion?: string;
  readonly url?: string;
  readonly id?: number;
  readonly suiteId?: number;
  readonly app?: string;
  readonly startedAt?: string;
  readonly completedAt?: string;
}
export interface CiPart {
  readonly headSha: string;
  readonly checks: readonly CheckPart[];
  readonly status?: CiStatus;
}

/** A pull request, whichever API told of it. Times as GitHub writes them. */
interface PullRequestFacts {
  readonly url: string;
  readonly number: number;
  readonly isOpen: boolean;
  readonly draft: boolean | undefined;
  readonly createdAt: string;
  readonly closedAt: string | null;
  readonly mergedAt: string | null;
  /** Lower case; `unknown` while GitHub computes it. */
  readonly mergeableState: string;
}

/** @returns undefined for an open one of which GitHub does not say what blocks it: its status stays as it is. */
function statusOf(
  { isOpen, mergedAt, mergeableState }: PullRequestFacts,
  ci: CiPart | undefined,
): PullRequestPart['status'] | undefined {
  // A merged pull request is one with a time of its merge; `merged` is not in every answer.
  if (mergedAt !== null) return 'merged';
  if (!isOpen) return 'closed';
  if (mergeableState === '' || mergeableState === 'unknown') return undefined;
  if (mergeableState !== 'blocked') return 'created';
  // Branch protection blocks it: for checks that did not pass, else for a review.
  if (ci === undefined) return undefined;
  return ci.status === 'failing' || ci.status === 'pending' ? 'blocked_on_ci' : 'created';
}

function pullRequestPart(facts: PullRequestFacts, ci: CiPart | undefined): PullRequestPart {
  const { url, number, draft, createdAt, closedAt, mergedAt } = facts;
  const status = statusOf(facts, ci);
  return {
    url,
    number,
    createdAt,
    ...(status === undefined ? {} : { status }),
    ...(draft === undefined ? {} : { draft }),
    ...(closedAt === null ? {} : { closedAt }),
    ...(mergedAt === null ? {} : { mergedAt }),
  };
}

/** From REST and from webhooks. */
export function ofPull(pull: PullAnswer, ci: CiPart | undefined): PullRequestPart {
  return pullRequestPart(
    {
      url: pull.html_url,
      number: pull.number,
      isOpen: pull.state === 'open',
      draft: pull.draft,
      createdAt: pull.created_at,
      closedAt: pull.closed_at,
      mergedAt: pull.merged_at,
      mergeableState: pull.mergeable_state ?? '',
    },
    ci,
  );
}

/** From GraphQL. `ci` is undefined where the list of checks is not complete. */
export function ofNode(node: PullRequestNode, repositoryUrl: string): { pullRequest: PullRequestPart; ci?: CiPart } {
  const { contexts } =
    node.commits.nodes.find(({ commit }) => commit.oid === node.headRefOid)?.commit.statusCheckRollup ?? {};
  const ci =
    contexts?.pageInfo.hasNextPage === true
      ? undefined
      : ciPart(
          node.headRefOid,
          (contexts?.nodes ?? []).map((context) =>
            context.__typename === 'CheckRun'
              ? ofCheckNode(context, repositoryUrl)
              : ofStatus({
                  context: context.context,
                  state: context.state.toLowerCase(),
                  target_url: context.targetUrl,
                  updated_at: context.createdAt,
                }),
          ),
        );
  const pullRequest = pullRequestPart(
    {
      url: node.url,
      number: node.number,
      isOpen: node.state === 'OPEN',
      draft: node.isDraft,
      createdAt: node.createdAt,
      closedAt: node.closedAt,
      mergedAt: node.mergedAt,
      mergeableState: node.mergeStateStatus.toLowerCase(),
    },
    ci,
  );
  return { pullRequest, ...(ci === undefined ? {} : { ci }) };
}

/** The checks of one commit, in an order that does not depend on the answer's. */
export function ciPart(headSha: string, checks: readonly CheckPart[]): CiPart {
  const sorted = checks.toSorted((a, b) => compare(a.name, b.name) || Number(a.id ?? 0) - Number(b.id ?? 0));
  const status = ciStatusOf(sorted);
  return { headSha, checks: sorted, ...(status === undefined ? {} : { status }) };
}

/** A check run, from REST and from webhooks. */
export function ofCheckRun(run: CheckRunAnswer): CheckPart {
  // Without its query: the page of one check is one page (a check is counted by it).
  const url = (run.html_url ?? run.details_url ?? undefined)?.replace(/\?.*$/, '');
  return {
    name: nameOf(run.name),
    status: run.status,
    ...(run.conclusion === null ? {} : { conclusion: run.conclusion }),
    ...(url === undefined ? {} : { url }),
    id: run.id,
    ...(run.check_suite ? { suiteId: run.check_suite.id } : {}),
    ...(run.app?.slug === undefined ? {} : { app: run.app.slug }),
    ...(run.started_at ? { startedAt: run.started_at } : {}),
    ...(run.completed_at ? { completedAt: run.completed_at } : {}),
  };
}

type CheckNode = Extract<
  NonNullable<PullRequestNode['commits']['nodes'][number]['commit']['statusCheckRollup']>['contexts']['nodes'][number],
  { __typename: 'CheckRun' }
>;

function ofCheckNode(node: CheckNode, repositoryUrl: string): CheckPart {
  const { databaseId, checkSuite } = node;
  const workflowRun = checkSuite?.workflowRun?.databaseId;
  // As REST's html_url, so that a check has one link whichever way it was read.
  const page =
    databaseId === null
      ? undefined
      : workflowRun === undefined || workflowRun === null
        ? `${repositoryUrl}/runs/${databaseId}`
        : `${repositoryUrl}/actions/runs/${workflowRun}/job/${databaseId}`;
  return {
    name: nameOf(node.name),
    status: node.status.toLowerCase(),
    ...(node.conclusion === null ? {} : { conclusion: node.conclusion.toLowerCase() }),
    ...(page === undefined ? {} : { url: page }),
    ...(databaseId === null ? {} : { id: databaseId }),
    ...(checkSuite === null || checkSuite.databaseId === null ? {} : { suiteId: checkSuite.databaseId }),
    ...(checkSuite?.app ? { app: checkSuite.app.slug } : {}),
    ...(node.startedAt === null ? {} : { startedAt: node.startedAt }),
    ...(node.completedAt === null ? {} : { completedAt: node.completedAt }),
  };
}

/** A commit status, the older kind of check: its state is both status and conclusion. */
export function ofStatus({ context, state, target_url, updated_at }: CommitStatus): CheckPart {
  const isDone = state !== 'pending' && state !== 'expected';
  return {
    name: nameOf(context),
    status: isDone ? 'completed' : 'pending',
    ...(isDone ? { conclusion: state, completedAt: updated_at } : {}),
    ...(target_url ? { url: target_url } : {}),
  };
}

/** Names become labels: none is empty, and their length is bounded. */
function nameOf(name: string): string {
  return name.trim() === '' ? 'unnamed' : name.slice(0, MAX_NAME_LENGTH);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
