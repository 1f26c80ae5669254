import { describe, expect, it } from 'vitest';
import { githubBed } from './githubBed.ts';
import type { CheckState, Fault } from './githubServer.ts';

const BUILD: CheckState = { id: 11, name: 'build', status: 'completed', conclusion: 'success' };
const DONE: CheckState = { ...BUILD, id: 12, conclusion: 'failure' };

/** Two pull requests that are followed, each with something new to read. */
async function followed(options: object = {}) {
  const bed = await githubBed({ concurrency: 1, ...options });
  await bed.runs(1, 2);
  const pulls = [1, 2].map((number) => bed.github.open(number, { checks: [BUILD] }));
  await bed.poll();
  await bed.poll();
  for (const pull of pulls) Object.assign(pull, { checks: [DONE], updatedAt: '2026-11-20T10:30:00Z' });
  const statuses = async () => await Promise.all([1, 2].map(async (number) => (await bed.run(number)).ci?.status));
  return { bed, statuses };
}

const FIRST = /GET .*\/pulls\/1$/;

describe('one failing pull request holds up no other', () => {
  it.each<[string, Fault, string]>([
    ['a 500', { kind: 'answer', status: 500, message: 'Server Error' }, 'server'],
    ['a 502', { kind: 'answer', status: 502, message: 'Bad Gateway' }, 'server'],
    ['a broken connection', { kind: 'reset' }, 'network'],
    ['a body that breaks off', { kind: 'cut off' }, 'network'],
    ['JSON that is cut', { kind: 'truncated' }, 'schema'],
    ['a field that is gone', { kind: 'drift', change: (body) => delete body.merged_at }, 'schema'],
    ['a field of another type', { kind: 'drift', change: (body) => Object.assign(body, { head: 'abc' }) }, 'schema'],
    ['a refusal', { kind: 'answer', status: 403, message: 'Resource not accessible by personal access token' }, 'auth'],
    ['an unexpected status', { kind: 'answer', status: 418, message: "I'm a teapot" }, 'other'],
  ])('%s', async (_what, fault, result) => {
    const { bed, statuses } = await followed();
    if (fault.kind === 'drift') bed.github.merge(bed.github.open(1, { checks: [DONE] }), '2026-11-20T11:00:00Z');
    bed.github.fail(FIRST, fault, 1);
    const { failure, results } = await bed.poll();
    expect(failure).toMatchObject({ result, partial: true });
    expect(failure?.message).toContain('acme/app#1');
    expect(results.filter((r) => r !== 'ok')).toEqual([result]);
    expect(await statuses()).toEqual(['passing', 'failing']);
    bed.github.heal();
    expect((await bed.poll()).failure).toBeUndefined();
    expect(await statuses()).toEqual(['failing', 'failing']);
  });

  it.each<[string, Fault]>([
    ['silence', { kind: 'silent' }],
    ['a slow body', { kind: 'slow' }],
  ])('%s', async (_what, fault) => {
    const { bed, statuses } = await followed({ timeout: '3s' });
    bed.github.fail(FIRST, fault);
    const { failure, results } = await bed.poll();
    expect(failure).toMatchObject({ result: 'network', partial: true });
    expect(results).toContain('network');
    expect(await statuses()).toEqual(['passing', 'failing']);
  });

  it('names the request of GitHub, so that its support can find it', async () => {
    const { bed } = await followed();
    bed.github.fail(FIRST, { kind: 'answer', status: 500, message: 'Server Error' });
    expect((await bed.poll()).failure?.message).toContain('C0FF:EE:1:2:3');
  });

  it('after three in a row that GitHub does not answer the rest is spared', async () => {
    const bed = await githubBed({ concurrency: 1 });
    const numbers = [1, 2, 3, 4, 5, 6];
    await bed.runs(...numbers);
    for (const number of numbers) bed.github.open(number);
    await bed.poll();
    bed.github.fail(/./, { kind: 'answer', status: 503, message: 'Unavailable' }, 100);
    const { failure, asked } = await bed.poll();
    expect(failure).toMatchObject({ result: 'server', partial: false });
    expect(asked).toHaveLength(3);
  });
});

describe('limits', () => {
  const limited = (headers: Record<string, string>, status = 403): Fault => ({
    kind: 'answer',
    status,
    headers,
    message: 'API rate limit exceeded for user ID 1.',
  });
  const until = (seconds: number) => String(Math.ceil(Date.now() / 1000) + seconds);

  it.each<[string, () => Fault, number, number]>([
    [
      'the quota is used up',
      () => limited({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': until(600) }),
      590_000,
      602_000,
    ],
    [
      'the same as 429',
      () => limited({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': until(600) }, 429),
      590_000,
      602_000,
    ],
    ['a secondary limit that says how long', () => limited({ 'retry-after': '120' }), 120_000, 120_000],
    [
      'a secondary limit that does not',
      () => ({ kind: 'answer', status: 403, message: 'You have exceeded a secondary rate limit.' }),
      60_000,
      60_000,
    ],
    ['a bare 429', () => ({ kind: 'answer', status: 429, message: 'Too many requests' }), 60_000, 60_000],
  ])('%s: nothing more is asked, and the next poll waits', async (_what, fault, least, most) => {
    const { bed, statuses } = await followed();
    bed.github.fail(/GET .*\/pulls\/2$/, fault(), 10);
    const { failure, asked, results } = await bed.poll();
    expect(failure).toMatchObject({ result: 'rate_limit', partial: false });
    expect(failure?.retryAfterMs).toBeGreaterThanOrEqual(least);
    expect(failure?.retryAfterMs).toBeLessThanOrEqual(most);
    expect(results.at(-1)).toBe('rate_limit');
    expect(asked.at(-1)?.path).toMatch(/pulls\/2$/);
    // What was read before counts, and the one that was not is the first of the next poll.
    expect(await statuses()).toEqual(['failing', 'passing']);
    bed.github.heal();
    expect((await bed.poll()).asked[0]?.path).toMatch(/pulls\/2$/);
    expect(await statuses()).toEqual(['failing', 'failing']);
  });

  it('tells how many calls are left, of the quota that is nearest to its end', async () => {
    const { bed } = await followed();
    bed.github.remaining.core = 42;
    expect((await bed.poll()).quota).toBe(bed.github.remaining.core);
    expect(bed.github.remaining.core).toBeLessThan(42);
  });

  it('a GraphQL quota that is used up is one too', async () => {
    const bed = await githubBed();
    await bed.runs(1);
    bed.github.open(1);
    const reset = Math.ceil(Date.now() / 1000) + 300;
    bed.github.resetAt = reset;
    bed.github.fail(/graphql/, { kind: 'graphql', type: 'RATE_LIMITED', message: 'API rate limit exceeded' });
    const { failure } = await bed.poll();
    expect(failure).toMatchObject({ result: 'rate_limit' });
    expect(failure?.retryAfterMs).toBeGreaterThan(290_000);
  });
});

describe('a token', () => {
  it('that was revoked is an auth error, and stops the poll', async () => {
    const { bed, statuses } = await followed();
    bed.github.token = 'another';
    const { failure, asked, results } = await bed.poll();
    expect(failure).toMatchObject({ result: 'auth', partial: false });
    expect(failure?.message).toMatch(/revoked.*api_key/);
    expect(failure?.message).not.toContain('ghp_');
    expect(asked.map(({ status }) => status)).toEqual([401]);
    expect(results).toEqual(['auth']);
    expect(await statuses()).toEqual(['passing', 'passing']);
  });

  it('that was revoked before the first poll is told by GraphQL as well', async () => {
    const bed = await githubBed();
    await bed.runs(1);
    bed.github.token = 'another';
    expect((await bed.poll()).failure).toMatchObject({ result: 'auth' });
  });

  it('that may not see a pull request says so once an hour, and the others go on', async () => {
    const bed = await githubBed();
    await bed.runs(1, 2);
    bed.github.open(2, { checks: [BUILD] });
    const first = await bed.poll();
    expect(first.failure).toBeUndefined();
    expect((await bed.run(2)).ci).toMatchObject({ status: 'passing' });
    expect((await bed.poll()).asked.filter(({ method }) => method === 'POST')).toEqual([]);
    await bed.query(
      `update fleetlens.source_state set cursor = jsonb_set(cursor, '{missing,acme/app#1}', '"2026-01-01T00:00:00.000Z"')`,
    );
    bed.github.open(1, { checks: [BUILD] });
    await bed.poll();
    expect((await bed.run(1)).ci).toMatchObject({ status: 'passing' });
  });

  it('of a followed pull request that was deleted', async () => {
    const { bed, statuses } = await followed();
    bed.github.pulls.delete('acme/app#1');
    expect((await bed.poll()).failure).toBeUndefined();
    expect(await statuses()).toEqual(['passing', 'failing']);
  });
});

describe('a batch', () => {
  it('that is too slow for GitHub is asked in halves', async () => {
    const bed = await githubBed();
    const numbers = Array.from({ length: 12 }, (_, i) => i + 1);
    await bed.runs(...numbers);
    for (const number of numbers) bed.github.open(number, { checks: [BUILD] });
    bed.github.fail(/graphql/, {
      kind: 'answer',
      status: 502,
      message: 'Something went wrong while executing your query.',
    });
    const { asked, failure } = await bed.poll();
    expect(failure).toBeUndefined();
    expect(asked.map(({ status }) => status)).toEqual([502, 200, 200]);
    for (const number of numbers) expect((await bed.run(number)).ci).toMatchObject({ status: 'passing' });
  });

  it('of which one has another shape', async () => {
    const bed = await githubBed();
    await bed.runs(1, 2);
    for (const number of [1, 2]) bed.github.open(number, { checks: [BUILD] });
    bed.github.fail(/graphql/, {
      kind: 'drift',
      change(body) {
        const { p0 } = body.data as { p0: { pullRequest: Record<string, unknown> } };
        delete p0.pullRequest.headRefOid;
      },
    });
    const { failure } = await bed.poll();
    expect(failure).toMatchObject({ result: 'schema', partial: true });
    expect((await bed.run(2)).ci).toMatchObject({ status: 'passing' });
  });

  it('of which one may not be read', async () => {
    const bed = await githubBed();
    await bed.runs(1, 2);
    for (const number of [1, 2]) bed.github.open(number, { checks: [BUILD] });
    bed.github.fail(/graphql/, {
      kind: 'drift',
      change(body) {
        body.errors = [
          {
            type: 'FORBIDDEN',
            path: ['p1', 'pullRequest'],
            message: 'Resource not accessible by personal access token',
          },
        ];
      },
    });
    const { failure, results } = await bed.poll();
    expect(failure).toMatchObject({ result: 'auth', partial: true });
    expect(results).toContain('auth');
  });
});
