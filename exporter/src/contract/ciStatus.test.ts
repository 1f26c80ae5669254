import { describe, expect, it } from 'vitest';
import { ciStatusOf, worseCiStatus } from './ciStatus.ts';

const done = (conclusion: string) => ({ status: 'completed', conclusion });

describe('the status of all checks', () => {
  it.each(['failure', 'cancelled', 'timed_out', 'action_required', 'startup_failure', 'error'])(
    'is failing with one %s',
    (word) => {
      expect(ciStatusOf([done('success'), { status: 'in_progress' }, done(word)])).toBe('failing');
    },
  );
  it.each(['queued', 'in_progress', 'waiting', 'requested', 'pending'])('is pending while one is %s', (status) => {
    expect(ciStatusOf([done('success'), { status }])).toBe('pending');
  });
  it('is pending with a stale one, and with one that is completed without a conclusion', () => {
    expect(ciStatusOf([done('stale')])).toBe('pending');
    expect(ciStatusOf([{ status: 'completed' }])).toBe('pending');
  });
  it('is passing when all succeeded, were skipped or are neutral, whichever case their source writes', () => {
    expect(ciStatusOf([done('success'), done('SKIPPED'), done('neutral')])).toBe('passing');
  });
  it('is unknown without checks', () => expect(ciStatusOf([])).toBeUndefined());
  it('weighs failing over pending over passing', () => {
    expect(worseCiStatus('passing', 'pending')).toBe('pending');
    expect(worseCiStatus('failing', 'pending')).toBe('failing');
    expect(worseCiStatus(undefined, 'passing')).toBe('passing');
    expect(worseCiStatus(undefined, undefined)).toBeUndefined();
  });
});
