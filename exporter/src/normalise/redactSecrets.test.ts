import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REDACTED, redactText, SECRET_PATTERNS } from './redactSecrets.ts';

describe('redactText', () => {
  // fast-check makes texts that a pattern matches; where the hint were no part of the pattern, some would stay.
  it.each(SECRET_PATTERNS.map(({ name, hint, pattern }) => ({ name, hint, pattern })))(
    'has a hint for $name that no match lacks',
    ({ hint, pattern }) => {
      const word = fc.stringMatching(/^[A-Za-z0-9]{30,40}$/);
      const around = fc.constantFrom('', ' ', '\n', '"', 'was: ');
      const text = fc
        .tuple(around, fc.constantFrom(...SAMPLES), word, around)
        .map(([before, sample, secret, after]) => before + sample.replaceAll('*', secret) + after);
      let matched = 0;
      fc.assert(
        fc.property(text, (candidate) => {
          if (candidate.search(pattern) === -1) return;
          matched += 1;
          expect(hint.test(candidate)).toBe(true);
          expect(redactText(candidate)).toContain(REDACTED);
        }),
        { numRuns: 2_000 },
      );
      expect(matched).toBeGreaterThan(0);
    },
  );

  it('leaves prose about keys and tokens alone', () => {
    const prose =
      'The tokens of a task-12 run and the primary key of https://example.com/a: 14 keys, no password needed.';
    expect(redactText(prose)).toBe(prose);
  });
});

/** One of each shape; `*` stands for the secret's letters and digits. */
const SAMPLES = [
  '-----BEGIN RSA PRIVATE KEY-----\n*\n-----END RSA PRIVATE KEY-----',
  '-----BEGIN PRIVATE KEY-----\n*',
  'sk-*',
  'ghp_*',
  'github_pat_*',
  'glpat-*',
  'cc_live_*',
  'e2b_*',
  'tr_dev_*',
  'xoxb-*',
  'https://hooks.slack.com/services/T0/*',
  'AKIAABCDEFGHIJKLMNOP',
  'AIza*',
  'rk_live_*',
  'npm_*',
  'hf_*',
  'eyJ*.eyJ*.*',
  'Authorization: Bearer *',
  'basic *',
  'postgres://user:*@db/x',
  'DB_PASSWORD=*',
  '"apiKey": "*"',
  'deploy-key : *',
];
