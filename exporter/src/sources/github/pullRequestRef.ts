import type { OpenPullRequest } from '../../ledger/openPullRequests.ts';

export interface PullRequestRef {
  readonly owner: string;
  readonly repo: string;
  readonly number: number;
}

const PAGE = /^\/([\w.-]+)\/([\w.-]+)\/pull\/(\d+)(?:\/|$)/;
const REPOSITORY = /^\/([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/;

/** GitHub's own limit for a page's number lies far below; larger ones are no numbers. */
const MAX_NUMBER = 2 ** 31 - 1;

/**
 * Which pull request a run means: by its page, or by its number and the repository of its project.
 * @param webUrl where this GitHub has its pages; a page of another host is another host's pull request
 */
export function refOf(
  { pullRequest: { url, number }, repository }: Pick<OpenPullRequest, 'pullRequest' | 'repository'>,
  webUrl: string,
): PullRequestRef | undefined {
  if (url !== undefined) {
    const [, owner, repo, text] = PAGE.exec(pathOn(webUrl, url) ?? '') ?? [];
    return owner === undefined || repo === undefined ? undefined : checked(owner, repo, Number(text));
  }
  if (number === undefined || repository === undefined) return undefined;
  const [, owner, repo] = REPOSITORY.exec(pathOn(webUrl, repository) ?? '') ?? [];
  return owner === undefined || repo === undefined ? undefined : checked(owner, repo, number);
}

/** The page of a pull request, in lower case: GitHub's names have no case. */
export function pageOf({ owner, repo, number }: PullRequestRef, webUrl: string): string {
  return `${webUrl}/${owner}/${repo}/pull/${number}`.toLowerCase();
}

/** `owner/repo#7` in lower case: what cursor and logs name it by. */
export function keyOf({ owner, repo, number }: PullRequestRef): string {
  return `${owner}/${repo}#${number}`.toLowerCase();
}

export function repositoryOf({ owner, repo }: PullRequestRef): string {
  return `${owner}/${repo}`.toLowerCase();
}

function pathOn(webUrl: string, page: string): string | undefined {
  const given = URL.parse(page);
  const own = new URL(webUrl);
  if (given === null || given.host !== own.host) return undefined;
  const prefix = own.pathname.replace(/\/$/, '');
  return given.pathname.startsWith(prefix) ? given.pathname.slice(prefix.length) : undefined;
}

function checked(owner: string, repo: string, number: number): PullRequestRef | undefined {
  const isName = (name: string) => name !== '.' && name !== '..';
  return isName(owner) && isName(repo) && number >= 1 && number <= MAX_NUMBER ? { owner, repo, number } : undefined;
}
