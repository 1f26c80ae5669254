import type { z } from 'zod';
import { HostedError } from '../hostedError.ts';
import {
  type CheckRunAnswer,
  type CommitStatus,
  checkRunsAnswer,
  combinedStatusAnswer,
  pullAnswer,
} from './answers.ts';
import type { Followed } from './followed.ts';
import type { CallOptions, GithubApi, Parameters } from './githubApi.ts';

import { type CiPart, ciPart, ofCheckRun, ofPull, ofStatus, type PullRequestPart } from './mapPullRequest.ts';
import { keyOf, type PullRequestRef } from './pullRequestRef.ts';

/** What a look found. `at` by GitHub's clock. */
export interface Seen {
  readonly pullRequest: PullRequestPart;
  readonly ci: CiPart;
  readonly etags: Followed['etags'];
  readonly at: Date;
}

const PAGE_SIZE = 100;
/** GitHub gives the checks of the newest 1,000 suites of a commit. */
const MAX_PAGES = 10;

type Etags = NonNullable<Followed['etags']>;

/**
 * Looks at one pull request, its check runs and its commit statuses. With the ETags of the last look three requests that cost
 * nothing where nothing changed; where something did, what was unchanged is read again, so that one look tells all.
 * @throws HostedError
 */
export async function lookAt(
  api: GithubApi,
  ref: PullRequestRef,
  known: Pick<Followed, 'sha' | 'etags'> | undefined,
  call: CallOptions,
): Promise<Seen | 'unchanged' | 'missing'> {
  const etags = known?.etags;
  if (known !== undefined && etags !== undefined) {
    const looks = [
      () => readPull(api, ref, etags.pull, call),
      () => readPages(api, checkRuns(ref, known.sha), etags.checks, call),
      () => readPages(api, statuses(ref, known.sha), etags.statuses, call),
    ];
    let changed = false;
    for (const look of looks) {
      const answer = await look();
      if (answer === 'missing') return 'missing';
      if (answer !== 'unchanged') {
        changed = true;
        break;
      }
    }
    if (!changed) return 'unchanged';
  }
  return await lookAnew(api, ref, call);
}

async function lookAnew(api: GithubApi, ref: PullRequestRef, call: CallOptions): Promise<Seen | 'missing'> {
  const pull = await readPull(api, ref, undefined, call);
  if (pull === 'missing') return 'missing';
  if (pull === 'unchanged') throw unasked(ref);
  const { sha } = pull.found.head;
  const runs = await readPages(api, checkRuns(ref, sha), [], call);
  const states = await readPages(api, statuses(ref, sha), [], call);
  if (runs === 'unchanged' || states === 'unchanged') throw unasked(ref);
  // A commit that is gone (a force push since) has no checks; the next look finds the new one.
  const checks = runs === 'missing' ? [] : runs.items.map(ofCheckRun);
  const others = states === 'missing' ? [] : states.items.map(ofStatus);
  const ci = ciPart(sha, [...checks, ...others]);
  const all = [
    pull.etag,
    ...(runs === 'missing' ? [undefined] : runs.etags),
    ...(states === 'missing' ? [undefined] : states.etags),
  ];
  return {
    pullRequest: ofPull(pull.found, ci),
    ci,
    at: pull.at,
    etags:
      pull.etag === undefined || runs === 'missing' || states === 'missing' || !all.every((etag) => etag !== undefined)
        ? undefined
        : { pull: pull.etag, checks: present(runs.etags), statuses: present(states.etags) },
  };
}

function present(etags: Iterable<string | undefined>): Etags['checks'] {
  return [...etags].filter((etag) => etag !== undefined);
}

function unasked(ref: PullRequestRef): HostedError {
  return new HostedError(
    `pull request ${keyOf(ref)}: GitHub answered 304 to a request without If-None-Match`,
    'schema',
  );
}

function readPull(api: GithubApi, ref: PullRequestRef, etag: string | undefined, call: CallOptions) {
  const { owner, repo, number } = ref;
  return api.get(
    '/repos/{owner}/{repo}/pulls/{number}',
    { owner, repo, number },
    { ...call, what: `pull request ${keyOf(ref)}`, type: pullAnswer, etag },
  );
}

interface List<Page, Item> {
  readonly what: string;
  readonly route: string;
  readonly parameters: Parameters;
  readonly type: z.ZodType<Page>;
  items(page: Page): readonly Item[];
}

function checkRuns(ref: PullRequestRef, sha: string): List<z.output<typeof checkRunsAnswer>, CheckRunAnswer> {
  return {
    what: `checks of ${keyOf(ref)}`,
    route: '/repos/{owner}/{repo}/commits/{ref}/check-runs',
    parameters: { owner: ref.owner, repo: ref.repo, ref: sha },
    type: checkRunsAnswer,
    items: (page) => page.check_runs,
  };
}

function statuses(ref: PullRequestRef, sha: string): List<z.output<typeof combinedStatusAnswer>, CommitStatus> {
  return {
    what: `commit statuses of ${keyOf(ref)}`,
    route: '/repos/{owner}/{repo}/commits/{ref}/status',
    parameters: { owner: ref.owner, repo: ref.repo, ref: sha },
    type: combinedStatusAnswer,
    items: (page) => page.statuses,
  };
}

/** @param etags of the pages that are known: asked only whether one of them changed, up to the first that did */
async function readPages<Page, Item>(
  api: GithubApi,
  list: List<Page, Item>,
  etags: readonly string[],
  call: CallOptions,
): Promise<{ items: readonly Item[]; etags: readonly (string | undefined)[] } | 'unchanged' | 'missing'> {
  const items: Item[] = [];
  const found: (string | undefined)[] = [];
  for (let page = 1; page <= MAX_PAGES; page++) {
    const etag = etags[page - 1];
    const answer = await api.get(
      list.route,
      { ...list.parameters, per_page: PAGE_SIZE, page },
      { ...call, what: list.what, type: list.type, etag },
    );
    if (answer === 'missing') return 'missing';
    if (answer === 'unchanged') {
      if (page === etags.length) return 'unchanged';
      continue;
    }
    items.push(...list.items(answer.found));
    found.push(answer.etag);
    if (!answer.hasNext || etag !== undefined) break;
  }
  return { items, etags: found };
}
