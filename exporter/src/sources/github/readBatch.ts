import { HostedError } from '../hostedError.ts';
import { pullRequestNode } from './answers.ts';
import { batchQuery } from './batchQuery.ts';
import type { CallOptions, GithubApi } from './githubApi.ts';
import { graphqlError } from './githubError.ts';
import { lookAt, type Seen } from './lookAt.ts';
import { ofNode } from './mapPullRequest.ts';
import { keyOf, type PullRequestRef, pageOf } from './pullRequestRef.ts';

/** What became of each pull request of a batch. */
export type BatchAnswer = Seen | 'missing' | HostedError;

/**
 * Reads many pull requests with one query. A pull request with more checks than a query gives is read by itself.
 * @throws HostedError where nothing was read
 */
export async function readBatch(
  api: GithubApi,
  refs: readonly PullRequestRef[],
  webUrl: string,
  call: CallOptions,
): Promise<BatchAnswer[]> {
  const { query, variables } = batchQuery(refs);
  const what = `a batch of pull requests (${refs.length})`;
  const { data, problems, at } = await api.query(query, variables, { ...call, what });
  const answers: BatchAnswer[] = [];
  for (const [n, ref] of refs.entries()) {
    const own = problems.filter(({ path }) => path?.[0] === `p${n}`);
    const repository = data[`p${n}`] as { pullRequest?: unknown } | null | undefined;
    const node = repository?.pullRequest ?? undefined;
    const [problem] = own;
    if (problem !== undefined && problem.type !== 'NOT_FOUND') {
      const failure = graphqlError(own, {}, `pull request ${keyOf(ref)}`);
      call.countRequest(failure.result);
      answers.push(failure);
    } else if (node === undefined) answers.push('missing');
    else answers.push(await readNode(node, ref));
  }
  return answers;

  async function readNode(node: unknown, ref: PullRequestRef): Promise<BatchAnswer> {
    const parsed = pullRequestNode.safeParse(node);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      call.countRequest('schema');
      return new HostedError(`pull request ${keyOf(ref)}: ${issue?.path.join('.')}: ${issue?.message}`, 'schema', {
        cause: parsed.error,
      });
    }
    const repositoryUrl = parsed.data.url.replace(/\/pull\/\d+$/, '');
    const { pullRequest, ci } = ofNode(
      parsed.data,
      repositoryUrl === parsed.data.url ? pageOf(ref, webUrl) : repositoryUrl,
    );
    if (ci !== undefined) return { pullRequest, ci, at, etags: undefined };
    const seen = await lookAt(api, ref, undefined, call);
    return seen === 'unchanged' ? 'missing' : seen;
  }
}
