import { sign } from '@octokit/webhooks-methods';
import { describe, expect, it } from 'vitest';
import type { WebhookOutcome } from '../source.ts';
import { configSchema, withWebUrl } from './config.ts';
import { githubWebhook } from './webhook.ts';

const SECRET = 'webhook-secret-for-tests';
const SHA = 'a'.repeat(40);
const FORM = 'application/x-www-form-urlencoded';
const REPOSITORY = { full_name: 'Acme/App', id: 1 };
const ABOUT = { url: 'https://github.com/acme/app/pull/7', runsOf: ['agents'], part: true };

async function receive(name: string, payload: object, config: object = {}, headers: Record<string, unknown> = {}) {
  const parsed = configSchema.parse({ api_key: 't', runs_of: ['agents'], webhook_secret: SECRET, ...config });
  const json = JSON.stringify({ repository: REPOSITORY, ...payload });
  const isForm = headers['content-type'] === FORM;
  const body = isForm ? new URLSearchParams({ payload: json }).toString() : json;
  return (await githubWebhook(withWebUrl(parsed))?.receive({
    body: Buffer.from(body),
    headers: {
      'x-github-event': name,
      'x-github-delivery': 'd1',
      'x-hub-signature-256': await sign(SECRET, body),
      ...headers,
    },
  })) as WebhookOutcome;
}

const PULL = {
  number: 7,
  html_url: 'https://github.com/Acme/App/pull/7',
  state: 'open',
  draft: true,
  created_at: '2026-11-20T10:00:00Z',
  updated_at: '2026-11-20T10:30:00Z',
  closed_at: null,
  merged_at: null,
  mergeable_state: 'unknown',
  head: { sha: SHA },
};
const TOLD = { url: PULL.html_url, number: 7, createdAt: PULL.created_at, draft: true };

describe('pull_request', () => {
  it.each([
    ['opened', { pullRequest: { status: 'created', ...TOLD }, ci: { headSha: SHA, checks: [] } }],
    ['reopened', { pullRequest: { status: 'created', ...TOLD }, ci: { headSha: SHA, checks: [] } }],
    // Its status stays: GitHub has not computed yet what blocks it.
    ['synchronize', { pullRequest: TOLD, ci: { headSha: SHA, checks: [] } }],
    ['edited', { pullRequest: TOLD }],
  ])('%s', async (action, data) => {
    expect(await receive('pull_request', { action, pull_request: PULL })).toEqual({
      events: [{ id: 'd1/7', kind: 'run', at: '2026-11-20T10:30:00.999Z', data, about: ABOUT }],
    });
  });

  it('that was closed or merged says when', async () => {
    const closed_at = '2026-11-20T10:29:59Z';
    const data = async (changes: object) => {
      const outcome = await receive('pull_request', { action: 'closed', pull_request: { ...PULL, ...changes } });
      return 'events' in outcome ? outcome.events[0]?.data : undefined;
    };
    const closed = { state: 'closed', closed_at };
    expect(await data(closed)).toEqual({ pullRequest: { ...TOLD, status: 'closed', closedAt: closed_at } });
    expect(await data({ ...closed, merged_at: closed_at })).toEqual({
      pullRequest: { ...TOLD, status: 'merged', closedAt: closed_at, mergedAt: closed_at },
    });
  });
});

const WORK = { head_sha: SHA, pull_requests: [{ number: 7, head: { sha: SHA }, base: { repo: { id: 1 } } }] };
const CHECK = {
  ...WORK,
  id: 11,
  name: 'build',
  status: 'in_progress',
  conclusion: null,
  html_url: 'https://github.com/acme/app/runs/11',
  started_at: '2026-11-20T10:01:00Z',
  completed_at: null as string | null,
  check_suite: { id: 77 },
  app: { slug: 'octoapp' },
};

describe('the checks of a commit', () => {
  it.each<[string, object, object]>([
    [
      'that goes on',
      {},
      { at: '2026-11-20T10:01:00.999Z', check: { status: 'in_progress', startedAt: CHECK.started_at } },
    ],
    [
      'that ended',
      { status: 'completed', conclusion: 'success', completed_at: '2026-11-20T10:02:00Z' },
      {
        at: '2026-11-20T10:02:00.999Z',
        check: {
          ...{ status: 'completed', conclusion: 'success' },
          ...{ startedAt: CHECK.started_at, completedAt: '2026-11-20T10:02:00Z' },
        },
      },
    ],
  ])('a check %s', async (_what, changes, expected) => {
    const { at, check } = expected as { at: string; check: object };
    const told = { id: 11, name: 'build', url: CHECK.html_url, suiteId: 77, app: 'octoapp', ...check };
    expect(await receive('check_run', { check_run: { ...CHECK, ...changes } })).toEqual({
      events: [{ id: 'd1/7', kind: 'run', at, data: { ci: { headSha: SHA, checks: [told] } }, about: ABOUT }],
    });
  });

  it('one that has not begun says nothing', async () => {
    const waiting = { ...CHECK, status: 'queued', started_at: null };
    expect(await receive('check_run', { check_run: waiting })).toEqual({ events: [] });
  });

  it.each([
    ['queued', null, { status: 'pending' }],
    [null, null, { status: 'pending' }],
    ['in_progress', null, { status: 'pending' }],
    ['completed', 'success', {}],
    ['completed', 'failure', { status: 'failing' }],
    ['completed', 'startup_failure', { status: 'failing' }],
  ])('a suite or workflow that is %s, %s', async (status, conclusion, of) => {
    const work = { ...WORK, status, conclusion, updated_at: '2026-11-20T10:03:00Z' };
    for (const name of ['check_suite', 'workflow_run']) {
      expect(await receive(name, { [name]: work }), name).toEqual({
        events: [
          {
            id: 'd1/7',
            kind: 'run',
            at: '2026-11-20T10:03:00.999Z',
            data: { ci: { headSha: SHA, checks: [], ...of } },
            about: ABOUT,
          },
        ],
      });
    }
  });

  it('are told to each pull request of this repository whose head is the commit', async () => {
    const [pull] = WORK.pull_requests;
    const pull_requests = [
      pull,
      { ...pull, number: 8, head: { sha: 'b'.repeat(40) } },
      { ...pull, number: 9, base: { repo: { id: 2 } } },
      { ...pull, number: 10 },
    ];
    expect(await receive('check_run', { check_run: { ...CHECK, pull_requests } })).toMatchObject({
      events: [{ id: 'd1/7' }, { id: 'd1/10', about: { url: 'https://github.com/acme/app/pull/10' } }],
    });
    const { pull_requests: _none, ...fork } = CHECK;
    expect(await receive('check_run', { check_run: fork })).toEqual({ events: [] });
  });
});

it.each([
  [['acme/APP'], 1],
  [['acme/other'], 0],
])('where only %j is listened to, %i is told of Acme/App', async (repositories, count) => {
  const outcome = await receive('check_run', { check_run: CHECK }, { repositories });
  expect('events' in outcome && outcome.events).toHaveLength(count);
});

it('an event of no interest is taken and says nothing', async () => {
  expect(await receive('star', { action: 'created' })).toEqual({ events: [] });
});

it('a payload may come as the field of a form', async () => {
  const payload = { check_run: CHECK };
  const headers = { 'content-type': FORM };
  expect(await receive('check_run', payload, {}, headers)).toEqual(await receive('check_run', payload));
});

describe('what is refused, and why', () => {
  const refused = (headers: Record<string, unknown>) => receive('check_run', { check_run: CHECK }, {}, headers);

  it('no signature, and a wrong one, which counts as wrong credentials', async () => {
    expect(await refused({ 'x-hub-signature-256': undefined })).toEqual({
      refused: 'signature',
      reason: expect.stringContaining('found none'),
    });
    expect(await refused({ 'x-hub-signature-256': 'sha256=00' })).toEqual({
      refused: 'signature',
      reason: expect.stringContaining('found one that does not fit the body'),
      sent: 'sha256=00',
    });
  });

  it.each([
    ['an empty body, which no signature can be of', '', 'sha256=00'],
    ['an empty signature', '{}', ''],
  ])('%s', async (_what, body, signature) => {
    const config = configSchema.parse({ api_key: 't', runs_of: ['agents'], webhook_secret: SECRET });
    const headers = { 'x-github-event': 'check_run', 'x-github-delivery': 'd1', 'x-hub-signature-256': signature };
    const outcome = await githubWebhook(withWebUrl(config))?.receive({ body: Buffer.from(body), headers });
    expect(outcome).toMatchObject({ refused: 'signature', sent: signature });
  });

  it.each([
    [{ 'x-github-event': undefined }, /X-GitHub-Event/],
    [{ 'x-github-delivery': undefined }, /X-GitHub-Delivery/],
    [{ 'x-github-delivery': '' }, /X-GitHub-Delivery/],
    [{ 'x-github-delivery': 'd'.repeat(201) }, /X-GitHub-Delivery/],
    // A form without the field.
    [{ 'content-type': `${FORM}; charset=utf-8` }, /no JSON/],
  ])('%j', async (headers, reason) => {
    expect(await refused(headers)).toEqual({ refused: 'malformed', reason: expect.stringMatching(reason) });
  });

  it('a payload of another shape, by its field', async () => {
    expect(await receive('check_run', { check_run: { ...CHECK, name: 7 } })).toEqual({
      refused: 'malformed',
      reason: expect.stringMatching(/^check_run\.name: /),
    });
  });
});
