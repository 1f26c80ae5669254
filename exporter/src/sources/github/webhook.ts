import { verify } from '@octokit/webhooks-methods';
import { z } from 'zod';
import { ciStatusOf } from '../../contract/ciStatus.ts';
import type { Webhook, WebhookEvent, WebhookOutcome, WebhookReceiver } from '../source.ts';
import { checkRun, pullAnswer } from './answers.ts';
import type { GithubConfig } from './config.ts';
import { type CheckPart, ofCheckRun, ofPull } from './mapPullRequest.ts';
import { pageOf, repositoryOf } from './pullRequestRef.ts';

/** GitHub's times are whole seconds: what happened within one is later than what was seen at its beginning. */
const WITHIN_SECOND_MS = 999;

const repository = z.object({ full_name: z.string(), id: z.number() });
/** Pull requests whose head is the commit; GitHub names none for a fork's. */
const pulls = z
  .array(
    z.object({
      number: z.number(),
      head: z.object({ sha: z.string() }),
      base: z.object({ repo: z.object({ id: z.number() }) }),
    }),
  )
  .default([]);
const commitWork = z.object({
  head_sha: z.string(),
  conclusion: z.string().nullable(),
  updated_at: z.string(),
  pull_requests: pulls,
});

const payloads = {
  pull_request: z.object({ action: z.string(), pull_request: pullAnswer, repository }),
  check_run: z.object({ check_run: checkRun.extend({ pull_requests: pulls }), repository }),
  check_suite: z.object({ check_suite: commitWork, repository }),
  workflow_run: z.object({ workflow_run: commitWork, repository }),
} as const;

/** With these a pull request has another commit than before: nothing is known of its checks. */
const NEW_COMMIT = new Set(['opened', 'reopened', 'synchronize']);

type Data = WebhookEvent['data'];
interface Told {
  readonly number: number;
  readonly at: string;
  readonly data: Data;
}

/** GitHub's webhooks, as what they add to the runs of the pull requests that they are about. */
export function githubWebhook(config: GithubConfig): WebhookReceiver | undefined {
  const { webhook_secret: secret, web_url: webUrl, runs_of: runsOf, repositories } = config;
  if (secret === undefined) return undefined;
  const allowed = repositories && new Set(repositories.map((name) => name.toLowerCase()));

  return {
    async receive({ body, headers }: Webhook): Promise<WebhookOutcome> {
      const signature = headers['x-hub-signature-256']?.toString();
      const text = body.toString('utf8');
      // verify() compares in constant time; it throws where one of the three is empty.
      const isSigned =
        signature !== undefined && signature !== '' && text !== '' && (await verify(secret, text, signature));
      if (!isSigned) {
        const found = signature === undefined ? 'none' : 'one that does not fit the body';
        return {
          refused: 'signature',
          reason: `X-Hub-Signature-256: found ${found}, expected the signature by webhook_secret`,
          ...(signature === undefined ? {} : { sent: signature }),
        };
      }
      const name = headers['x-github-event'];
      const delivery = headers['x-github-delivery'];
      if (typeof name !== 'string' || typeof delivery !== 'string' || delivery === '' || delivery.length > 200) {
        return { refused: 'malformed', reason: 'expected the headers X-GitHub-Event and X-GitHub-Delivery' };
      }
      const payload = readPayload(text, headers['content-type']);
      if (payload === undefined) return { refused: 'malformed', reason: 'found a body that is no JSON' };
      const told = tell(name, payload);
      if (told === undefined) return { events: [] };
      if ('reason' in told) return { refused: 'malformed', reason: told.reason };
      const [owner = '', repo = ''] = told.repository.split('/');
      if (allowed !== undefined && !allowed.has(repositoryOf({ owner, repo, number: 1 }))) return { events: [] };
      return {
        events: told.pulls.map(({ number, at, data }) => ({
          id: `${delivery}/${number}`,
          kind: 'run',
          at,
          data,
          about: { url: pageOf({ owner, repo, number }, webUrl), runsOf, part: true },
        })),
      };
    },
  };
}

/** GitHub sends JSON, or where it was set up so a form whose field `payload` is JSON. */
function readPayload(text: string, contentType: string | undefined): unknown {
  const json = contentType?.startsWith('application/x-www-form-urlencoded')
    ? (new URLSearchParams(text).get('payload') ?? '')
    : text;
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // The caller says that it is no JSON.
  }
}

/** @returns undefined for events of no interest. */
function tell(
  name: string,
  payload: unknown,
): { repository: string; pulls: readonly Told[] } | { reason: string } | undefined {
  switch (name) {
    case 'pull_request':
      return read(payloads.pull_request, payload, ({ action, pull_request: pull }) => {
        const status = action === 'opened' || action === 'reopened' ? ({ status: 'created' } as const) : {};
        return [
          {
            number: pull.number,
            at: after(pull.updated_at),
            data: {
              pullRequest: { ...status, ...ofPull(pull, undefined) },
              ...(NEW_COMMIT.has(action) ? { ci: { headSha: pull.head.sha, checks: [] } } : {}),
            },
          },
        ];
      });
    case 'check_run':
      return read(payloads.check_run, payload, ({ check_run: run, repository: { id } }) => {
        const at = run.completed_at ?? run.started_at;
        // A check that has not begun has no time, and says nothing that its suite does not.
        return at ? ofCommit(run, id, after(at), [ofCheckRun(run)]) : [];
      });
    case 'check_suite':
      return read(payloads.check_suite, payload, ({ check_suite: suite, repository: { id } }) => ofWork(suite, id));
    case 'workflow_run':
      return read(payloads.workflow_run, payload, ({ workflow_run: run, repository: { id } }) => ofWork(run, id));
    default:
      return undefined;
  }
}

function read<T extends { repository: z.output<typeof repository> }>(
  type: z.ZodType<T>,
  payload: unknown,
  map: (payload: T) => readonly Told[],
): { repository: string; pulls: readonly Told[] } | { reason: string } {
  const parsed = type.safeParse(payload);
  if (parsed.success) return { repository: parsed.data.repository.full_name, pulls: map(parsed.data) };
  const [issue] = parsed.error.issues;
  return { reason: `${issue?.path.join('.')}: ${issue?.message}` };
}

/**
 * A suite or workflow holds checks that are told one by one. Of itself it tells that more are to come, or that it failed,
 * which one that could not start has no check for.
 */
function ofWork(work: z.output<typeof commitWork>, repositoryId: number): readonly Told[] {
  const status = ciStatusOf([{ conclusion: work.conclusion ?? 'pending' }]);
  return ofCommit(work, repositoryId, after(work.updated_at), [], status === 'passing' ? {} : { status });
}

function ofCommit(
  { head_sha: headSha, pull_requests }: { head_sha: string; pull_requests: z.output<typeof pulls> },
  repositoryId: number,
  at: string,
  checks: readonly CheckPart[],
  more: Data = {},
): readonly Told[] {
  return pull_requests
    .filter(({ head, base }) => head.sha === headSha && base.repo.id === repositoryId)
    .map(({ number }) => ({ number, at, data: { ci: { headSha, checks, ...more } } }));
}

function after(time: string): string {
  return new Date(Date.parse(time) + WITHIN_SECOND_MS).toISOString();
}
