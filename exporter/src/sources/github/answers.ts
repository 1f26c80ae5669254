import { z } from 'zod';

/** What is read of GitHub's answers and webhooks; the rest of them passes by unread. */

const time = z.string();
const id = z.union([z.number(), z.bigint().transform(Number)]);

export const pullAnswer = z.object({
  number: z.number().int(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  draft: z.boolean().optional(),
  created_at: time,
  updated_at: time,
  closed_at: time.nullable(),
  merged_at: time.nullable(),
  mergeable_state: z.string().optional(),
  head: z.object({ sha: z.string() }),
});
export type PullAnswer = z.output<typeof pullAnswer>;

export const checkRun = z.object({
  id,
  name: z.string(),
  head_sha: z.string(),
  status: z.string(),
  conclusion: z.string().nullable(),
  html_url: z.string().nullish(),
  details_url: z.string().nullish(),
  started_at: time.nullish(),
  completed_at: time.nullish(),
  check_suite: z.object({ id }).nullish(),
  app: z.object({ slug: z.string().optional() }).nullish(),
});
export type CheckRunAnswer = z.output<typeof checkRun>;
export const checkRunsAnswer = z.object({ total_count: z.number(), check_runs: z.array(checkRun) });

const commitStatus = z.object({
  context: z.string(),
  state: z.string(),
  target_url: z.string().nullish(),
  updated_at: time,
});
export type CommitStatus = z.output<typeof commitStatus>;
export const combinedStatusAnswer = z.object({ statuses: z.array(commitStatus) });

/** A pull request as GraphQL gives it (`batchQuery.ts`). */
export const pullRequestNode = z.object({
  number: z.number().int(),
  url: z.string(),
  state: z.enum(['OPEN', 'CLOSED', 'MERGED']),
  isDraft: z.boolean(),
  createdAt: time,
  closedAt: time.nullable(),
  mergedAt: time.nullable(),
  mergeStateStatus: z.string(),
  headRefOid: z.string(),
  commits: z.object({
    nodes: z.array(
      z.object({
        commit: z.object({
          oid: z.string(),
          statusCheckRollup: z
            .object({
              contexts: z.object({
                pageInfo: z.object({ hasNextPage: z.boolean() }),
                nodes: z.array(
                  z.discriminatedUnion('__typename', [
                    z.object({
                      __typename: z.literal('CheckRun'),
                      databaseId: id.nullable(),
                      name: z.string(),
                      status: z.string(),
                      conclusion: z.string().nullable(),
                      startedAt: time.nullable(),
                      completedAt: time.nullable(),
                      checkSuite: z
                        .object({
                          databaseId: id.nullable(),
                          app: z.object({ slug: z.string() }).nullable(),
                          workflowRun: z.object({ databaseId: id.nullable() }).nullable(),
                        })
                        .nullable(),
                    }),
                    z.object({
                      __typename: z.literal('StatusContext'),
                      context: z.string(),
                      state: z.string(),
                      targetUrl: z.string().nullable(),
                      createdAt: time,
                    }),
                  ]),
                ),
              }),
            })
            .nullable(),
        }),
      }),
    ),
  }),
});
export type PullRequestNode = z.output<typeof pullRequestNode>;
