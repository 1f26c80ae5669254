import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { writeArtifacts } from '../../../../../test/support/gittinkererDatabase.ts';
import { temporaryDirectory } from '../../../../../test/support/temporaryDirectory.ts';
import { pollForTest, warnings } from '../../pollForTest.ts';
import { RecordingLedger } from '../../recordingLedger.ts';
import { gittinkerer } from '../gittinkerer.ts';

const HOUR = 3_600;

async function bed() {
  const made = await temporaryDirectory('artifacts');
  onTestFinished(() => made.remove());
  const { log } = warnings();
  const ledger = new RecordingLedger();
  const open = () => {
    const config = gittinkerer.configSchema.parse({ artifacts: { path: made.path } });
    const source = gittinkerer.create('gittinkerer', config, log);
    onTestFinished(() => source.close());
    return source;
  };
  let source = open();
  const now = Date.now();
  const at = (seconds: number) => new Date(now + seconds * 1_000).toISOString();
  const nameOf = (seconds: number) => at(seconds).replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
  return {
    ledger,
    at,
    /** Of the run whose directory is so many seconds old. */
    write: (seconds: number, run: object) =>
      writeArtifacts(made.path, nameOf(seconds), { 'run.json': JSON.stringify(run) }),
    empty: (seconds: number) => writeArtifacts(made.path, nameOf(seconds), { 'agent-run/summary.md': 'Begun.' }),
    remove: (seconds: number) => rm(join(made.path, nameOf(seconds)), { recursive: true }),
    poll: () => pollForTest(source, ledger),
    restart: () => {
      source = open();
    },
    status: (runId: string) => ledger.get('run', runId)?.status,
    watched: () => JSON.stringify(ledger.batches.at(-1)?.cursor),
    nameOf,
  };
}

it('a run that goes on is looked at again, also by a new process, until some time after its end', async () => {
  const { write, poll, restart, status, at, watched, nameOf } = await bed();
  await write(-5 * HOUR, { run_id: 'r1', status: 'running', started_at: at(-5 * HOUR) });
  await write(-HOUR, { run_id: 'r2', status: 'succeeded', finished_at: at(-60) });
  await write(-6 * HOUR, { run_id: 'r3', status: 'succeeded', finished_at: at(-5 * HOUR) });
  await poll();
  expect([status('r1'), status('r2')]).toEqual(['running', 'succeeded']);
  restart();
  // Read to its end before the start: a new process does not look at it again.
  await write(-6 * HOUR, { run_id: 'r3', status: 'failed', finished_at: at(-5 * HOUR) });
  await write(-5 * HOUR, { run_id: 'r1', status: 'failed', exit_code: 2, finished_at: at(-2 * HOUR) });
  await poll();
  expect([status('r1'), status('r3')]).toEqual(['failed', 'succeeded']);
  // Its last files may still come; of the other they came long ago.
  expect([watched().includes(nameOf(-HOUR)), watched().includes(nameOf(-5 * HOUR))]).toEqual([true, false]);
  await write(-HOUR, { run_id: 'r2', status: 'failed', finished_at: at(-60) });
  await write(-5 * HOUR, { run_id: 'r1', status: 'succeeded', finished_at: at(-2 * HOUR) });
  await poll();
  expect([status('r1'), status('r2')]).toEqual(['failed', 'failed']);
});

it('a run that never ended is given up after a day and an hour', async () => {
  const { write, poll, watched, nameOf } = await bed();
  await write(-24 * HOUR, { run_id: 'late', status: 'running' });
  await write(-26 * HOUR, { run_id: 'lost', status: 'running' });
  await poll();
  expect([watched().includes(nameOf(-24 * HOUR)), watched().includes(nameOf(-26 * HOUR))]).toEqual([true, false]);
});

it('a directory without run.json is waited for while it is young; one that was gone and comes again is new', async () => {
  const { write, empty, poll, status, remove, ledger } = await bed();
  await empty(-60);
  await empty(-HOUR);
  await poll();
  expect(ledger.all('run')).toEqual([]);
  await write(-60, { run_id: 'young', status: 'running' });
  await write(-HOUR, { run_id: 'old', status: 'running' });
  await poll();
  expect([status('young'), status('old')]).toEqual(['running', undefined]);
  await remove(-HOUR);
  await poll();
  await write(-HOUR, { run_id: 'old', status: 'running' });
  await poll();
  expect(status('old')).toBe('running');
});
