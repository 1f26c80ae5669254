import type { Parameters } from './githubApi.ts';
import type { PullRequestRef } from './pullRequestRef.ts';

/** Pull requests asked for in one query: 50 with 100 checks each are 5,000 of the 500,000 nodes that GitHub allows. */
export const BATCH_SIZE = 50;

const FRAGMENT = `fragment pull on PullRequest {
  number url state isDraft createdAt closedAt mergedAt mergeStateStatus headRefOid
  commits(last: 1) { nodes { commit { oid statusCheckRollup { contexts(first: 100) {
    pageInfo { hasNextPage }
    nodes {
      __typename
      ... on CheckRun { databaseId name status conclusion startedAt completedAt
        checkSuite { databaseId app { slug } workflowRun { databaseId } } }
      ... on StatusContext { context state targetUrl createdAt }
    }
  } } } } }
}`;

/** One query for many pull requests; the n-th of them is `p<n>.pullRequest`. */
export function batchQuery(refs: readonly PullRequestRef[]): { query: string; variables: Parameters } {
  const variables: Record<string, string | number> = {};
  const declared: string[] = [];
  const asked: string[] = [];
  refs.forEach(({ owner, repo, number }, n) => {
    variables[`o${n}`] = owner;
    variables[`r${n}`] = repo;
    variables[`n${n}`] = number;
    declared.push(`$o${n}: String!, $r${n}: String!, $n${n}: Int!`);
    asked.push(`p${n}: repository(owner: $o${n}, name: $r${n}) { pullRequest(number: $n${n}) { ...pull } }`);
  });
  return { query: `query(${declared.join(', ')}) {\n${asked.join('\n')}\n}\n${FRAGMENT}`, variables };
}
