import { describe, expect, it } from 'vitest';
import { normaliseData } from '../normalise/normaliseEvent.ts';
import { addToRun } from './addToRun.ts';
import { type Merged, mergeEvent } from './mergeEvent.ts';

const at = (second: number) => new Date(Date.UTC(2026, 10, 20, 12, 0, second)).toISOString();

function run(data: Record<string, unknown>, second = 0): Merged {
  const { fields } = normaliseData('run', { runId: 'r1', status: 'succeeded', ...data }, at(second));
  return mergeEvent(undefined, { source: 'agents', at: at(second), id: 'pull', fields });
}

function said(data: Record<string, unknown>, second: number, part = false, id = 'github') {
  const { key, fields } = normaliseData('run', { runId: 'r1', ...data }, at(second));
  return { id, source: 'agents', kind: 'run' as const, at: at(second), key, fields, addition: { by: 'github', part } };
}

function add(to: Merged, ...events: ReturnType<typeof said>[]): Merged {
  let record = to;
  for (const event of events) {
    const changes = addToRun(record, event);
    if (changes !== undefined) record = mergeEvent(record, changes);
  }
  return record;
}

const check = (name: string, id: number, conclusion?: string, suiteId = 1) => ({
  name,
  id,
  suiteId,
  status: conclusion === undefined ? 'in_progress' : 'completed',
  ...(conclusion === undefined ? {} : { conclusion }),
});
const ciPart = (second: number, checks: object[], extra: object = {}, id = `d${second}`) =>
  said({ ci: { headSha: 'a', checks, ...extra } }, second, true, id);

describe('what another source adds to a run', () => {
  it('changes nothing where the run says the same, whoever said it', () => {
    const record = run({ pullRequest: { number: 7, status: 'created' }, ci: { status: 'passing', checks: [] } });
    expect(addToRun(record, said({ pullRequest: { number: 7, status: 'created' } }, 5))).toBeUndefined();
    expect(addToRun(record, said({ ci: { status: 'passing', checks: [] } }, 5))).toBeUndefined();
  });

  it('replaces the keys of a pull request that it names, and keeps the others', () => {
    const record = run({ pullRequest: { number: 7, url: 'u', status: 'created', error: 'slow' } });
    const merged = add(record, said({ pullRequest: { status: 'merged', mergedAt: at(9) } }, 9));
    expect(merged.doc.pullRequest).toEqual({ number: 7, url: 'u', error: 'slow', status: 'merged', mergedAt: at(9) });
  });

  it('names only the fields that differ, so that the rest stays stamped by the run', () => {
    const record = run({ name: 'n', pullRequest: { status: 'created' } });
    const changes = addToRun(record, said({ name: 'n', pullRequest: { status: 'closed' } }, 9));
    expect(Object.keys(changes?.fields ?? {})).toEqual(['pullRequest']);
  });

  it('loses to what was said later', () => {
    const record = run({ pullRequest: { status: 'merged' } }, 10);
    const changes = addToRun(record, said({ pullRequest: { status: 'created' } }, 9));
    expect(changes && mergeEvent(record, changes).doc.pullRequest).toEqual({ status: 'merged' });
  });

  it('says since when a pull request is blocked, as long as it is', () => {
    let record = add(
      run({ pullRequest: { status: 'created' } }),
      said({ pullRequest: { status: 'blocked_on_ci' } }, 3),
    );
    expect(record.doc.pullRequest).toEqual({ status: 'blocked_on_ci', blockedSince: at(3) });
    record = add(record, said({ pullRequest: { status: 'blocked_on_ci', number: 7 } }, 8));
    expect(record.doc.pullRequest).toMatchObject({ blockedSince: at(3) });
    record = add(record, said({ pullRequest: { status: 'created' } }, 9));
    expect(record.doc.pullRequest).toEqual({ status: 'created', number: 7 });
  });

  it('takes the time of the run itself where that said blocked first', () => {
    const record = add(run({ pullRequest: { status: 'blocked_on_ci' } }, 2), said({ pullRequest: { number: 7 } }, 8));
    expect(record.doc.pullRequest).toEqual({ status: 'blocked_on_ci', number: 7, blockedSince: at(2) });
  });

  it('ends the block when all checks pass', () => {
    const record = add(
      run({ pullRequest: { status: 'blocked_on_ci' }, ci: { headSha: 'a', checks: [check('build', 1)] } }),
      ciPart(5, [check('build', 1, 'success')]),
    );
    expect(record.doc.pullRequest).toEqual({ status: 'created' });
    expect(record.doc.ci).toMatchObject({ status: 'passing' });
  });
});

describe('some checks of a commit', () => {
  const events = [
    ciPart(3, [check('build', 11, 'success')]),
    ciPart(2, [check('lint', 12, 'failure')]),
    ciPart(1, [check('build', 11)]),
    ciPart(4, [check('lint', 13, 'success')]), // run again
    ciPart(4, [check('build', 14)], {}, 'other'),
    ciPart(4, [check('build', 21, 'success', 2)], {}, 'suite'), // of another suite
  ];
  const expected = [check('build', 14), check('build', 21, 'success', 2), check('lint', 13, 'success')];

  it.each([[[0, 1, 2, 3, 4, 5]], [[5, 4, 3, 2, 1, 0]], [[4, 0, 3, 5, 2, 1]], [[2, 2, 1, 1, 0, 5, 3, 4]]])(
    'give the same list in the order %j',
    (order) => {
      const record = add(
        run({ pullRequest: { status: 'created' } }),
        ...order.map((i) => events[i] as (typeof events)[0]),
      );
      const ci = record.doc.ci as { checks: { name: string; id: number }[]; status: string };
      expect(ci.checks.toSorted((a, b) => a.name.localeCompare(b.name) || a.id - b.id)).toEqual(expected);
      expect(ci.status).toBe('pending');
    },
  );

  it('of a new commit replace those of the old one; of an old commit they are passed over', () => {
    const record = add(run({}), ciPart(3, [check('build', 1, 'failure')]));
    const pushed = add(record, said({ ci: { headSha: 'b', checks: [check('build', 2)] } }, 5, true));
    expect(pushed.doc.ci).toMatchObject({ headSha: 'b', status: 'pending', checks: [{ id: 2 }] });
    expect(addToRun(pushed, ciPart(4, [check('lint', 1, 'failure')]))).toBeUndefined();
  });

  it('a suite that begins makes it pending, one that could not start makes it failing', () => {
    const record = add(run({}), ciPart(1, [check('build', 1, 'success')]));
    expect(record.doc.ci).toMatchObject({ status: 'passing' });
    expect(add(record, ciPart(2, [], { status: 'pending' })).doc.ci).toMatchObject({
      status: 'pending',
      checks: [{ id: 1 }],
    });
    expect(add(record, ciPart(2, [], { status: 'failing' })).doc.ci).toMatchObject({ status: 'failing' });
  });

  it('are joined with what a whole look found later, and win over a platform that looked earlier', () => {
    const looked = said(
      { ci: { headSha: 'a', status: 'pending', checks: [check('build', 1), check('lint', 2)], checkedAt: at(9) } },
      9,
    );
    const record = add(run({}), looked, ciPart(8, [check('build', 1, 'success')]));
    expect(record.doc.ci).toMatchObject({ status: 'pending', checks: [{ conclusion: 'success' }, { name: 'lint' }] });
  });
});
