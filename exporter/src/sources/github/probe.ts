import { z } from 'zod';
import { HostedError } from '../hostedError.ts';
import type { ProbeReport } from '../source.ts';
import type { GithubConfig } from './config.ts';
import type { CallOptions, GithubApi } from './githubApi.ts';

const quota = z.object({ limit: z.number(), remaining: z.number() });
const rateLimits = z.object({ resources: z.object({ core: quota, graphql: quota.optional() }) });
const repositoryAnswer = z.object({ full_name: z.string(), default_branch: z.string(), private: z.boolean() });

/** What a look reads besides the pull request itself. */
const PARTS = [
  ['check runs', '/repos/{owner}/{repo}/commits/{ref}/check-runs', 'Checks: read'],
  ['commit statuses', '/repos/{owner}/{repo}/commits/{ref}/status', 'Commit statuses: read'],
] as const;

/** Asks for the quota (which costs none of it), and for what the configured repositories show this token. */
export async function probeGithub(api: GithubApi, config: GithubConfig, signal: AbortSignal): Promise<ProbeReport> {
  const call: CallOptions = { signal, countRequest: () => {} };
  const found: string[] = [];
  const problems: string[] = [];
  try {
    const limits = await api.get('/rate_limit', {}, { ...call, what: 'quota', type: rateLimits });
    // GitHub Enterprise Server answers 404 where its administrator set no limits.
    if (limits === 'missing' || limits === 'unchanged') found.push(`${config.base_url}: no rate limits`);
    else {
      const { core, graphql } = limits.found.resources;
      found.push(`${config.base_url}: ${core.remaining} of ${core.limit} calls left`);
      if (graphql !== undefined) found.push(`GraphQL: ${graphql.remaining} of ${graphql.limit} points left`);
      if (core.limit <= 60) problems.push('the quota is that of a caller without a token; set another api_key');
    }
  } catch (error) {
    if (!(error instanceof HostedError)) throw error;
    return { reachable: error.result !== 'network', found, problems: [error.message] };
  }
  for (const name of config.repositories ?? []) problems.push(...(await probeRepository(api, name, call, found)));
  found.push(
    config.webhook_secret === undefined
      ? 'no webhook_secret: changes are seen by polls alone'
      : 'webhooks: POST /api/v1/webhooks/<name of this source>, events check_run, check_suite, workflow_run, pull_request',
  );
  return { reachable: true, found, problems };
}

async function probeRepository(api: GithubApi, name: string, call: CallOptions, found: string[]): Promise<string[]> {
  const [owner, repo] = name.split('/') as [string, string];
  try {
    const answer = await api.get(
      '/repos/{owner}/{repo}',
      { owner, repo },
      { ...call, what: name, type: repositoryAnswer },
    );
    if (answer === 'missing' || answer === 'unchanged') {
      return [`${name} is not there for this token; correct the name, or give the token access to the repository`];
    }
    const { full_name, private: isPrivate, default_branch: ref } = answer.found;
    found.push(`${full_name}: ${isPrivate ? 'private' : 'public'}, ${ref}`);
    const problems: string[] = [];
    for (const [what, route, right] of PARTS) {
      const refused = await refusalOf(api, what, route, { owner, repo, ref }, call);
      if (refused !== undefined)
        problems.push(`${name}: ${what} cannot be read (${refused}); grant the token "${right}"`);
    }
    return problems;
  } catch (error) {
    if (!(error instanceof HostedError)) throw error;
    return [error.message];
  }
}

async function refusalOf(
  api: GithubApi,
  what: string,
  route: string,
  parameters: Readonly<Record<string, string>>,
  call: CallOptions,
): Promise<string | undefined> {
  try {
    await api.get(route, { ...parameters, per_page: 1 }, { ...call, what, type: z.looseObject({}) });
    return undefined;
  } catch (error) {
    if (!(error instanceof HostedError) || error.result !== 'auth') throw error;
    return error.message;
  }
}
