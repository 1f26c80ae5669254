import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KINDS } from '../contract/records.ts';
import { EventRejected, normaliseEvent } from './normaliseEvent.ts';
import { isSecretName, REDACTED, redactText } from './redactSecrets.ts';

const NOW = Date.parse('2026-11-20T12:00:00.000Z');
const AT = '2026-11-20T11:00:00.000Z';
const run = (data: object, over: object = {}) => ({
  id: 'e',
  source: 's',
  kind: 'run',
  at: AT,
  data: { runId: 'r', ...data },
  ...over,
});
const normalise = (raw: unknown) => normaliseEvent(raw, NOW);

function reasonOf(raw: unknown): string {
  try {
    normalise(raw);
  } catch (error) {
    if (error instanceof EventRejected) return error.message;
    throw error;
  }
  return 'accepted';
}

function nested(depth: number): unknown {
  return JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
}

describe('bad input is rejected, and the reason names where, what was found and what was expected', () => {
  it.each<[what: string, raw: unknown, reason: RegExp]>([
    ['no object', 'event', /^expected an event object, found string$/],
    ['null', null, /^expected an event object, found null$/],
    ['an array', [run({})], /^expected an event object, found an array$/],
    ['an unknown kind', run({}, { kind: 'rune' }), /^kind: found "rune", expected one of run, step, /],
    ['a kind that every object has', run({}, { kind: 'constructor' }), /^kind: found "constructor", expected one of /],
    ['no kind', run({}, { kind: undefined }), /^kind: found undefined, expected one of /],
    [
      'no id',
      run({}, { id: undefined }),
      /^id: .*expected string.*found nothing|^id: .*expected string, received undefined/,
    ],
    ['an empty id', run({}, { id: '' }), /^id: .*>=1 characters.*found ""$/],
    [
      'an id of 256 characters',
      run({}, { id: 'x'.repeat(256) }),
      /^id: .*<=255 characters.*found "x{40}" of 256 characters$/,
    ],
    ['NUL in an id', run({}, { id: 'a\0b' }), /^id: contains NUL/],
    ['half a surrogate pair in an id', run({}, { id: 'a\ud800' }), /^id: contains NUL or half a surrogate pair/],
    ['a source with a slash', run({}, { source: 'a/b' }), /^source: expected 1 to 64 letters.*found "a\/b"$/],
    [
      'a time that is none',
      run({}, { at: 'yesterday' }),
      /^at: expected an RFC 3339 time from 1970 on, found "yesterday"$/,
    ],
    ['a time without a zone', run({}, { at: '2026-11-20T11:00:00' }), /^at: expected an RFC 3339 time/],
    ['a time as a number', run({}, { at: 1_795_000_000 }), /^at: .*expected string.*1795000000$/],
    [
      'a time before 1970',
      run({}, { at: '1969-12-31T23:59:59.999Z' }),
      /^at: expected an RFC 3339 time from 1970 on, found "1969/,
    ],
    ['31 February', run({}, { at: '2026-02-31T00:00:00.000Z' }), /^at: expected an RFC 3339 time/],
    [
      '31 February elsewhere',
      run({ startedAt: '2026-02-31T00:00:00+02:00' }),
      /^data\.startedAt: expected an RFC 3339 time/,
    ],
    [
      'the year 10000',
      run({ finishedAt: '9999-12-31T23:59:59-01:00' }),
      /^data\.finishedAt: expected an RFC 3339 time/,
    ],
    [
      'a time ahead',
      run({}, { at: '2026-11-20T12:05:00.001Z' }),
      /^at: found 2026-11-20T12:05:00\.001Z, expected a time at most 5 minutes ahead of 2026-11-20T12:00/,
    ],
    ['no data', run({}, { data: undefined }), /^data: .*expected record/],
    ['data as a list', run({}, { data: [] }), /^data: .*expected record.*found an array$/],
    [
      'data without a key',
      run({ runId: undefined }),
      /^data: a run is identified by runId; at least one of them is missing$/,
    ],
    ['a key that is cleared', run({ runId: null }), /^data\.runId: .*expected string.*null$/],
    ['an empty key', run({ runId: '' }), /^data\.runId: .*expected string.*null$/],
    [
      'output of nothing',
      run({ runId: undefined, seq: 1 }, { kind: 'output' }),
      /^data: a output is identified by runId or sandboxId, and seq/,
    ],
    ['a number for a name', run({ project: 5 }), /^data\.project: .*expected string.*found 5$/],
    ['a name of 256 characters', run({ workflow: 'w'.repeat(256) }), /^data\.workflow: .*<=255.*of 256 characters$/],
    ['a text for a number', run({ costUsd: '1.5' }), /^data\.costUsd: .*expected number.*found "1\.5"$/],
    ['a negative cost', run({ costUsd: -0.01 }), /^data\.costUsd: .*>=0, found -0\.01$/],
    ['half an iteration', run({ iterations: 1.5 }), /^data\.iterations: .*expected int.*found 1\.5$/],
    ['a count beyond exact numbers', run({ inputTokens: 2 ** 53 }), /^data\.inputTokens: .*found 9007199254740992$/],
    ['a score of 101', run({ quality: { composite: 101 } }), /^data\.quality\.composite: .*<=100, found 101$/],
    ['NaN', run({ costUsd: Number.NaN }), /^data\.costUsd: found NaN, expected a number/],
    [
      '1e999',
      JSON.parse(JSON.stringify(run({})).replace('"runId":"r"', '"runId":"r","costUsd":1e999')),
      /^data\.costUsd: found Infinity, expected a number/,
    ],
    [
      '-1e999 deep in an attribute',
      run({ config: { limits: [1, { max: Number.NEGATIVE_INFINITY }] } }),
      /^data\.config\.limits\.1\.max: found -Infinity/,
    ],
    ['Infinity in a list', run({ notes: [1, Number.POSITIVE_INFINITY] }), /^data\.notes\.1: found Infinity/],
    [
      'an unknown word of a closed list',
      run({ origin: 'moon' }),
      /^data\.origin: .*expected one of "workflow".*found "moon"$/,
    ],
    [
      'a wrong type deep inside',
      run({ ci: { checks: [{ name: 'a' }, { name: 7 }] } }),
      /^data\.ci\.checks\.1\.name: .*expected string.*found 7$/,
    ],
    [
      'an end before the start',
      run({ startedAt: '2026-11-20T10:00:00Z', finishedAt: '2026-11-20T09:00:00+00:00' }),
      /^data\.finishedAt: found 2026-11-20T09:00:00\.000Z, expected a time not before data\.startedAt \(2026-11-20T10:00:00\.000Z\)$/,
    ],
    [
      'a decision before the request',
      run({ approvalId: 'a', requestedAt: AT, decidedAt: '2026-11-20T10:59:59.999Z' }, { kind: 'approval' }),
      /^data\.decidedAt: found .*, expected a time not before data\.requestedAt/,
    ],
    [
      '10,000 levels',
      run({ config: nested(10_000) }),
      /^data\.config[.a]{1,60}…: nested deeper than 64 levels; flatten it$/,
    ],
    [
      '10,000 levels of lists',
      run({ notes: JSON.parse(`${'['.repeat(10_000)}${']'.repeat(10_000)}`) }),
      /^data\.notes[.0]{1,60}…: nested deeper than 64 levels/,
    ],
    ['a kind of 10,000 levels', run({}, { kind: nested(10_000) }), /^kind: found object, expected one of /],
    [
      '__proto__',
      JSON.parse(
        '{"id":"e","source":"s","kind":"run","at":"2026-11-20T11:00:00Z","data":{"runId":"r","__proto__":{"a":1}}}',
      ),
      /^data: the field name __proto__ is not allowed; rename it$/,
    ],
    [
      '__proto__ in an attribute',
      JSON.parse(
        '{"id":"e","source":"s","kind":"run","at":"2026-11-20T11:00:00Z","data":{"runId":"r","attributes":{"x":[{"__proto__":1}]}}}',
      ),
      /^data\.attributes\.x\.0: the field name __proto__/,
    ],
    [
      'a text of a million and one',
      run({ prompt: 'x'.repeat(1_000_001) }),
      /^data\.prompt: found a text of 1000001 characters, expected at most 1000000; split/,
    ],
  ])('%s', (_what, raw, reason) => {
    expect(reasonOf(raw)).toMatch(reason);
  });

  it('an answer stays short, whatever was sent', () => {
    const many = Object.fromEntries(
      ['project', 'workflow', 'persona', 'model', 'provider'].map((field) => [field, { x: 'y'.repeat(10_000) }]),
    );
    expect(reasonOf(run(many)).length).toBeLessThan(400);
    expect(reasonOf(run({ project: 'p'.repeat(500_000) })).length).toBeLessThan(200);
  });

  it('a secret in a wrong place is not told back', () => {
    expect(reasonOf(run({ costUsd: 'sk-abcdefghijklmnopqrstuvwx' }))).toBe(
      'data.costUsd: Invalid input: expected number, received string, found "[REDACTED]"',
    );
  });

  it('any JSON at all is an event or is rejected, never an error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...KINDS, 'rune'),
        fc.dictionary(
          fc.constantFrom(
            'runId',
            'status',
            'error',
            'quality',
            'ci',
            'sprints',
            'attributes',
            'at',
            'queue',
            'toString',
            'constructor',
            'x',
          ),
          fc.jsonValue({ maxDepth: 4 }),
        ),
        (kind, data) => {
          const raw = { id: 'e', source: 's', kind, at: AT, data };
          expect(typeof reasonOf(raw)).toBe('string');
        },
      ),
      { seed: 20_261_120, numRuns: 2_000 },
    );
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('what is cleaned, and goes on', () => {
  const fieldsOf = (data: object, over: object = {}) => normalise(run(data, over)).fields;

  it('NUL, the separator of keys and halves of surrogate pairs become U+FFFD; newlines and quotes stay', () => {
    const fields = fieldsOf({
      project: 'a\0b\nc"\\',
      workflow: 'x\u001fy',
      persona: '\ud800z',
      attributes: { 'k\0': ['\udc00'] },
    });
    expect(fields).toMatchObject({ project: 'a\uFFFDb\nc"\\', workflow: 'x\uFFFDy', persona: '\uFFFDz' });
    expect(fields['attributes.k\uFFFD']).toEqual(['\uFFFD']);
  });

  it('no two tuples of identifiers give one key', () => {
    const step = (runId: string, stepId: string) => normalise(run({ runId, stepId }, { kind: 'step' })).key;
    expect(step('a\u001fb', 'c')).not.toBe(step('a', 'b\u001fc'));
  });

  it('unknown fields become attributes, an empty text clears, a strange status is unknown and keeps its word', () => {
    expect(fieldsOf({ project: '', speed: 3, status: 'EXPLODED' })).toEqual({
      runId: 'r',
      project: null,
      'attributes.speed': 3,
      status: 'unknown',
      rawStatus: 'EXPLODED',
    });
    expect(fieldsOf({ status: 'failed', rawStatus: 'FAILED' })).toMatchObject({
      status: 'failed',
      rawStatus: 'FAILED',
    });
    expect(fieldsOf({ toString: 1, constructor: { a: 1 } })).toMatchObject({
      'attributes.toString': 1,
      'attributes.constructor': { a: 1 },
    });
  });

  it('times become canonical, whatever their zone and precision', () => {
    expect(normalise(run({}, { at: '2026-11-20 12:30:00.123456+02:00' })).at).toBe('2026-11-20T10:30:00.123Z');
    expect(normalise(run({}, { at: '2026-11-20T12:05:00.000Z' })).at).toBe('2026-11-20T12:05:00.000Z');
  });

  it('an error gets its category from its message, unless it has one', () => {
    expect(fieldsOf({ error: { message: 'HTTP 429 too many requests' } }).error).toMatchObject({
      category: 'rate_limit',
    });
    expect(fieldsOf({ error: { message: 'HTTP 429', category: 'other' } }).error).toMatchObject({ category: 'other' });
    expect(fieldsOf({ error: null }).error).toBeNull();
  });

  it('a field whose name is that of a secret is replaced whole, however deep', () => {
    const fields = fieldsOf({
      config: { dbPassword: 'x', api_key: 'short', nested: [{ Authorization: 'y', 'x-api-key': '' }], tokens: '15' },
    });
    expect(fields.config).toEqual({
      dbPassword: REDACTED,
      api_key: REDACTED,
      nested: [{ Authorization: REDACTED, 'x-api-key': '' }],
      tokens: '15',
    });
    expect(
      ['monkey', 'key', 'tokens', 'tokenCount', 'secretary', 'keyboard', 'passwordless'].filter(isSecretName),
    ).toEqual([]);
  });

  it('what was sent is not changed, whatever is cleaned', () => {
    const raw = run({ config: { password: 'hunter22' }, project: 'a\0' });
    const copy = structuredClone(raw);
    normalise(raw);
    expect(raw).toEqual(copy);
  });
});

describe('secrets', () => {
  const K = 'Ab3'.repeat(12);
  it.each([
    ['private_key', `-----BEGIN OPENSSH PRIVATE KEY-----\n${K}\n-----END OPENSSH PRIVATE KEY-----`],
    ['anthropic', `sk-ant-api03-${K}`],
    ['openrouter', `sk-or-v1-${K}`],
    ['github', `ghp_${K}`],
    ['github fine-grained', `github_pat_${K}`],
    ['gitlab', `glpat-${K}`],
    ['codecourier', `cc_live_${K}`],
    ['e2b', `e2b_${K}`],
    ['trigger.dev', `tr_prod_${K}`],
    ['slack', `xoxb-1234-${K}`],
    ['aws', 'AKIAIOSFODNN7EXAMPLE'],
    ['google', `AIza${K}`],
    ['stripe', `rk_test_${K}`],
    ['npm', `npm_${K}`],
    ['huggingface', `hf_${K}`],
    ['jwt', `eyJhbGciOiJI.eyJzdWIiOiIx.${K}`],
    ['bearer', 'dXNlcjpwYXNzd29yZA=='],
  ])('%s does not survive', (name, secret) => {
    const text = `export THING='${name === 'bearer' ? 'Authorization: Basic ' : ''}${secret}' # done`;
    const clean = redactText(text);
    expect(clean).not.toContain(secret);
    expect(clean).toContain(REDACTED);
    expect(clean).toMatch(/^export THING='.*# done$/s);
  });

  it('keeps what stands around: the name of the variable, user and host of an address', () => {
    expect(redactText('DB_PASSWORD=hunter2222 ls')).toBe(`DB_PASSWORD=${REDACTED} ls`);
    expect(redactText('postgres://app:s3cr3t-word@db:5432/x')).toBe(`postgres://app:${REDACTED}@db:5432/x`);
    expect(redactText('curl -H "Authorization: Bearer abcdef1234567890"')).toBe(
      `curl -H "Authorization: Bearer ${REDACTED}"`,
    );
  });

  it.each([
    'run 0f8fad5b-d9cb-469f-a165-70867728950e ended',
    'commit 356a192b7913b04c54574d18c28d46e6395428ab on main',
    'the monkey: bananas-only',
    'tokens: 15, input_tokens: 1200, max_tokens=4096',
    'basic authentication is used, Basic troubleshooting comes first',
    'a bearer authentication scheme, BASIC AUTHENTICATION',
    'the keyboard and the key: value pairs of the primary key',
    'https://example.com:8080/path@v2',
    'npm_config_cache and hf_home and e2b_template are names',
    'task-force-of-twenty-members',
    'mask-abcdefghijklmnopqrstuvwxyz',
    'The secretary said: password rules apply',
    'git@github.com:owner/repository.git',
    '2026-11-20T12:00:00.000Z',
  ])('%j survives', (innocent) => {
    expect(redactText(innocent)).toBe(innocent);
  });
});
