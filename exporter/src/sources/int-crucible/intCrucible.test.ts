import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type CrucibleDatabase,
  crucibleOnPostgres,
  crucibleOnSqlite,
} from '../../../../test/support/crucibleDatabase.ts';
import type { PhaseResult } from '../../../../test/support/crucibleObservability.ts';
import { waitFor } from '../../../../test/support/waitFor.ts';
import { type Logged, pollForTest, warnings } from '../pollForTest.ts';
import { RecordingLedger } from '../recordingLedger.ts';
import type { Source } from '../source.ts';
import { intCrucible } from './intCrucible.ts';

const CREATED = new Date('2026-11-20T10:00:00.123Z');
const STARTED = new Date('2026-11-20T10:00:05.000Z');
const after = (seconds: number) => new Date(STARTED.getTime() + seconds * 1000);

const USAGE = {
  input_tokens: 1000,
  output_tokens: 200,
  total_tokens: 1200,
  call_count: 3,
  cost_usd: 0.012,
  providers: { anthropic: 3 },
  models: { 'claude-sonnet-4-5': 3 },
};
const DESIGN: PhaseResult = { phase: 'design', startedAt: STARTED, durationSeconds: 30, usage: USAGE };
const SCENARIOS: PhaseResult = {
  phase: 'scenarios',
  startedAt: after(30),
  durationSeconds: 20,
  usage: { ...USAGE, cost_usd: 0.1, providers: { openai: 3 }, models: { 'gpt-5': 2, 'gpt-5-mini': 1 } },
};
const EVALUATION: PhaseResult = { phase: 'evaluation', startedAt: after(50), durationSeconds: 40 };
const RANKING: PhaseResult = { phase: 'ranking', startedAt: after(90), durationSeconds: 0.5 };
const PHASES = [DESIGN, SCENARIOS, EVALUATION, RANKING];

function open(database: CrucibleDatabase, config: object = {}): { source: Source; lines: Logged[] } {
  const { log, lines } = warnings();
  const source = intCrucible.create(
    'crucible',
    intCrucible.configSchema.parse({ ...database.sourceConfig, ...config }),
    log,
  );
  onTestFinished(async () => {
    await source.close();
    await database.drop();
  });
  return { source, lines };
}

const DATABASES = [
  { name: 'Postgres made by Alembic', make: () => crucibleOnPostgres('alembic'), trigger: 'api_client' },
  { name: 'Postgres made by create_all', make: () => crucibleOnPostgres('create_all'), trigger: 'API_CLIENT' },
  { name: 'SQLite', make: () => crucibleOnSqlite(), trigger: 'RUN_CONFIG_PANEL' },
] as const;

describe.each(DATABASES)('crucible_runs in $name', ({ make, trigger }) => {
  it('is read as a run, its phases as steps, and the usage of each phase', async () => {
    const database = await make();
    const { source, lines } = open(database);
    const ledger = new RecordingLedger();
    await database.createProject('p1');
    const id = await database.createRun({
      projectId: 'p1',
      createdAt: CREATED,
      config: { num_candidates: 5 },
      uiTriggerId: 'click-1',
      uiTriggerSource: trigger,
    });
    await pollForTest(source, ledger);
    expect(ledger.get('run', id)).toMatchObject({
      status: 'queued',
      rawStatus: 'CREATED',
      createdAt: CREATED.toISOString(),
    });

    await database.updateRunStatus(id, 'RUNNING', { startedAt: STARTED });
    await pollForTest(source, ledger);
    expect(ledger.get('run', id)).toMatchObject({ status: 'running', startedAt: STARTED.toISOString() });
    expect(ledger.get('run', id)).not.toHaveProperty('usageMissing');

    await database.completeRun(id, {
      at: after(91),
      durationSeconds: 90.9,
      phases: PHASES,
      counts: { candidates: 5, scenarios: 8, evaluations: 40 },
    });
    await pollForTest(source, ledger);
    expect(ledger.get('run', id)).toMatchObject({
      project: 'p1',
      workflow: 'full_search',
      origin: 'workflow',
      trigger: trigger.toLowerCase() === 'api_client' ? 'api' : 'user',
      status: 'succeeded',
      finishedAt: after(91).toISOString(),
      config: { num_candidates: 5 },
      counts: { candidates: 5, scenarios: 8, evaluations: 40 },
      inputTokens: 2000,
      outputTokens: 400,
      costUsd: 0.112,
      usageMissing: false,
      'attributes.uiTriggerId': 'click-1',
      resourceBreakdown: { design: { llm_calls: 3 } },
    });
    expect(ledger.get('run', id)).not.toHaveProperty('error');
    // Two providers: neither is the run's.
    expect(ledger.get('run', id)).not.toHaveProperty('provider');
    expect(ledger.all('step').map(({ stepId, index, status, role }) => [stepId, index, status, role])).toEqual([
      ['design', 0, 'succeeded', 'design'],
      ['scenarios', 1, 'succeeded', 'scenarios'],
      ['evaluation', 2, 'succeeded', 'evaluation'],
      ['ranking', 3, 'succeeded', 'ranking'],
    ]);
    expect(ledger.get('step', `${id}\u001fscenarios`)).toMatchObject({
      startedAt: after(30).toISOString(),
      finishedAt: after(50).toISOString(),
      costUsd: 0.1,
    });
    expect(ledger.all('usage')).toHaveLength(2);
    expect(ledger.get('usage', `${id}:design`)).toMatchObject({
      service: 'anthropic',
      model: 'claude-sonnet-4-5',
      stepType: 'design',
      date: '2026-11-20',
      inputTokens: 1000,
      outputTokens: 200,
      costUsd: 0.012,
      'attributes.callCount': 3,
    });
    expect(ledger.get('usage', `${id}:scenarios`)).toMatchObject({
      service: 'openai',
      'attributes.models': { 'gpt-5': 2, 'gpt-5-mini': 1 },
    });
    expect(ledger.get('usage', `${id}:scenarios`)).not.toHaveProperty('model');
    expect(lines).toEqual([]);
  });

  it('a failed run ends when its pipeline did, in the phase that is not written down', async () => {
    const database = await make();
    const { source } = open(database);
    const ledger = new RecordingLedger();
    await database.createProject('p1');
    const id = await database.createRun({ projectId: 'p1', createdAt: CREATED });
    await database.updateRunStatus(id, 'RUNNING', { startedAt: STARTED });
    // The status commits first; a poll in between must not take the missing metrics for the last word.
    await database.updateRunStatus(id, 'FAILED');
    await pollForTest(source, ledger);
    expect(ledger.get('run', id)).toMatchObject({ status: 'failed' });
    expect(ledger.get('run', id)).not.toHaveProperty('error');

    await database.persistObservability(id, {
      durationSeconds: 70,
      phases: [DESIGN, SCENARIOS],
      error: '429 Too Many Requests from provider',
    });
    await pollForTest(source, ledger);
    expect(ledger.get('run', id)).toMatchObject({
      status: 'failed',
      finishedAt: after(70).toISOString(),
      error: {
        surface: 'run',
        category: 'rate_limit',
        message: '429 Too Many Requests from provider',
        stepId: 'evaluation',
      },
    });
    expect(ledger.get('step', `${id}\u001fevaluation`)).toMatchObject({
      status: 'failed',
      startedAt: after(50).toISOString(),
      finishedAt: after(70).toISOString(),
    });
    expect(ledger.all('step').map(({ stepId }) => stepId)).toEqual(['design', 'scenarios', 'evaluation']);
  });

  it('without usage says so, and knows every status; a row that is deleted is gone', async () => {
    const database = await make();
    const { source } = open(database);
    const ledger = new RecordingLedger();
    await database.createProject('p1');
    const [silent, cancelled, deleted] = [
      await database.createRun({ id: 'silent', projectId: 'p1', createdAt: CREATED }),
      await database.createRun({ id: 'cancelled', projectId: 'p1', createdAt: CREATED, mode: 'EVAL_ONLY' }),
      await database.createRun({ id: 'deleted', projectId: 'p1', createdAt: CREATED, mode: 'SEEDED' }),
    ];
    await database.completeRun(silent, { at: after(1), durationSeconds: 1, phases: [RANKING] });
    await database.updateRunStatus(cancelled, 'CANCELLED');
    await pollForTest(source, ledger);
    expect(ledger.get('run', silent)).toMatchObject({ status: 'succeeded', usageMissing: true });
    expect(ledger.get('run', cancelled)).toMatchObject({ status: 'cancelled', workflow: 'eval_only' });
    expect(ledger.get('run', deleted)).toMatchObject({ status: 'queued', workflow: 'seeded' });
    // The service leaves it out where a run was not started by a click.
    expect(ledger.get('run', deleted)).not.toHaveProperty('trigger');
    await database.deleteRun(deleted);
    await pollForTest(source, ledger);
    expect(ledger.batches.flatMap(({ goneRuns }) => goneRuns ?? [])).toEqual(['deleted']);
  });

  it('a backfill goes page by page, resumes where it stopped, and then only changes are sent', async () => {
    const database = await make();
    const { source } = open(database, { page_size: 20 });
    await database.createProject('p1');
    await database.insertHistory(
      Array.from({ length: 95 }, (_, index) => ({
        id: `r${String(index).padStart(3, '0')}`,
        projectId: 'p1',
        // Ten runs share each moment of creation: the page ends between runs of one moment.
        createdAt: new Date(CREATED.getTime() + Math.floor(index / 10)),
        startedAt: STARTED,
        end: { at: after(60), durationSeconds: 60, phases: [DESIGN] },
      })),
    );
    await database.execute(`update crucible_runs set created_at = null where id in ('r003', 'r077')`);
    const ledger = new RecordingLedger();
    const stopped = new Error('the exporter was killed');
    const recordPulled = ledger.recordPulled.bind(ledger);
    let pages = 0;
    ledger.recordPulled = async (batch) => {
      if (++pages === 3) throw stopped;
      await recordPulled(batch);
    };
    await expect(pollForTest(source, ledger)).rejects.toThrow('the exporter was killed');
    expect(ledger.all('run')).toHaveLength(40);
    await pollForTest(source, ledger);
    expect(ledger.all('run')).toHaveLength(95);
    const sent = ledger.batches.flatMap(({ records }) => records.filter(({ kind }) => kind === 'run'));
    expect(sent).toHaveLength(95);
    expect(ledger.batches.map(({ progress }) => progress?.done)).toEqual([20, 40, 60, 80, 95, undefined]);
    expect(ledger.batches.at(-1)).toMatchObject({ backfillDone: true, records: [] });

    const before = ledger.batches.length;
    await pollForTest(source, ledger);
    await pollForTest(source, ledger);
    // The two rows without a creation time are read again at each poll, and sent only once more.
    expect(ledger.recordsSince(before)).toBeLessThanOrEqual(2 * 3);
    const settled = ledger.batches.length;
    await pollForTest(source, ledger);
    expect(ledger.batches.length).toBe(settled);

    await database.createRun({ id: 'live', projectId: 'p1' });
    await pollForTest(source, ledger);
    expect(ledger.recordsSince(settled)).toBe(1);
    expect(ledger.get('run', 'live')).toMatchObject({ status: 'queued' });
  });

  it('an older schema is read without what it lacks, and the probe says how to get it', async () => {
    const database = await make();
    const { source } = open(database);
    await database.createProject('p1');
    for (const column of ['metrics', 'llm_usage', 'error_summary', 'duration_seconds', 'candidate_count']) {
      await database.execute(`alter table crucible_runs drop column ${column}`);
    }
    await database.execute(
      `insert into crucible_runs (id, project_id, mode, status, created_at, scenario_count, evaluation_count)
       values ('old', 'p1', 'FULL_SEARCH', 'COMPLETED', '2026-11-20 10:00:00', 1, 1)`,
    );
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    expect(ledger.get('run', 'old')).toMatchObject({ status: 'succeeded', usageMissing: true });
    const report = await source.probe(AbortSignal.timeout(90_000));
    expect(report.reachable).toBe(true);
    expect(report.problems.join()).toMatch(/lacks .*metrics.*alembic upgrade head.*a3d1c7e53b34/);
  });

  it('the probe of a current schema finds nothing wrong', async () => {
    const database = await make();
    const { source } = open(database);
    await database.createProject('p1');
    await database.createRun({ projectId: 'p1' });
    const report = await source.probe(AbortSignal.timeout(90_000));
    expect(report).toMatchObject({ reachable: true, problems: [] });
    expect(report.found.join('; ')).toMatch(/(PostgreSQL \d|SQLite file).*crucible_runs: 23 columns.*revision/);
  });

  it('a table that is not there is named, with what to do', async () => {
    const database = await make();
    const { source } = open(database);
    await database.execute('drop table crucible_runs');
    const ledger = new RecordingLedger();
    await expect(pollForTest(source, ledger)).rejects.toMatchObject({
      name: 'SourceError',
      result: 'schema',
      message: expect.stringContaining('there is no table crucible_runs'),
    });
    const report = await source.probe(AbortSignal.timeout(90_000));
    expect(report.problems.join()).toContain('there is no table crucible_runs');
  });
});

describe('Postgres', () => {
  it('finds a row whose transaction commits long after it was created, and a late change of a finished one', async () => {
    const database = await crucibleOnPostgres();
    const { source } = open(database);
    const ledger = new RecordingLedger();
    await database.createProject('p1');
    const done = await database.createRun({ id: 'done', projectId: 'p1', createdAt: CREATED });
    await database.updateRunStatus(done, 'RUNNING', { startedAt: STARTED });
    await database.completeRun(done, { at: after(9), durationSeconds: 9, phases: PHASES });
    await pollForTest(source, ledger);
    await pollForTest(source, ledger);
    // Created hours before the last poll began, committed after it: no clock tells.
    await database.createRun({ id: 'late', projectId: 'p1', createdAt: CREATED });
    await database.execute(`update crucible_runs set llm_usage = '{"phases":{}}' where id = 'done'`);
    // A slow machine may put the scan off to the next poll.
    await waitFor(() => pollForTest(source, ledger).then(() => ledger.get('run', 'late')), { what: 'the late row' });
    expect(ledger.get('run', 'late')).toMatchObject({ status: 'queued' });
    expect(ledger.get('run', 'done')).toMatchObject({ usageMissing: true });
  });

  it('is read from its beginning when it was restored to a server that counts transactions anew', async () => {
    const database = await crucibleOnPostgres();
    const { source } = open(database);
    const ledger = new RecordingLedger();
    await database.createProject('p1');
    await pollForTest(source, ledger);
    const { cursor } = await ledger.readCursor();
    expect(cursor).toMatchObject({ phase: 'live', mark: { horizon: expect.stringMatching(/^\d+$/) } });
    const later = structuredClone(cursor) as { mark: { horizon: string } };
    later.mark.horizon = '99999999999';
    await ledger.recordPulled({
      source: 'test',
      startedAt: new Date(),
      records: [],
      cursor: later,
      backfillDone: true,
    });
    // Old by its clock, and written by a transaction before the old server's horizon.
    await database.createRun({ id: 'restored', projectId: 'p1', createdAt: CREATED });
    await pollForTest(source, ledger);
    expect(ledger.get('run', 'restored')).toMatchObject({ status: 'queued' });
  });

  it('reads naive times as UTC whatever the server’s and the process’s zones are', async () => {
    const database = await crucibleOnPostgres();
    const { source } = open(database);
    await database.execute(
      `do $$ begin execute format('alter database %I set timezone = ''Asia/Kolkata''', current_database()); end $$`,
    );
    const zone = process.env.TZ;
    process.env.TZ = 'America/St_Johns';
    onTestFinished(() => {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    });
    await database.createProject('p1');
    const id = await database.createRun({ projectId: 'p1', createdAt: CREATED });
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    expect(new Date(2026, 0, 1).getTimezoneOffset()).toBe(210);
    expect(ledger.get('run', id)).toMatchObject({ createdAt: CREATED.toISOString() });
  });

  it('reads NUMERIC and BIGINT columns and a status that is plain text in small letters; unknown words warn once', async () => {
    const database = await crucibleOnPostgres();
    const { source, lines } = open(database);
    await database.execute(`
      alter table crucible_runs alter status type text using lower(status::text),
        alter duration_seconds type numeric(20, 6), alter candidate_count type bigint`);
    await database.createProject('p1');
    for (const [id, status] of Object.entries({ a: 'running', b: 'paused', c: 'paused' })) {
      await database.createRun({ id, projectId: 'p1', createdAt: CREATED });
      await database.execute(
        `update crucible_runs set status = '${status}', candidate_count = 3000000000, duration_seconds = 1.25 where id = '${id}'`,
      );
    }
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    expect(ledger.get('run', 'a')).toMatchObject({
      status: 'running',
      counts: { candidates: 3_000_000_000 },
      'attributes.durationSeconds': 1.25,
    });
    expect(ledger.get('run', 'b')).toMatchObject({ status: 'unknown', rawStatus: 'paused' });
    expect(lines.filter(({ word }) => word === 'paused')).toHaveLength(1);
  });

  it('says what is wrong with the access', async () => {
    const database = await crucibleOnPostgres();
    open(database);
    const role = `reader_${Math.random().toString(36).slice(2)}`;
    await database.execute(`create role ${role} login password 'right'; revoke all on crucible_runs from public`);
    const url = new URL((database.sourceConfig as { database_url: string }).database_url);
    url.username = role;
    const as = (password: string, port = url.port) => {
      const other = new URL(url);
      other.password = password;
      other.port = port;
      const config = intCrucible.configSchema.parse({ database_url: other.href });
      const source = intCrucible.create('crucible', config, warnings().log);
      onTestFinished(() => source.close());
      return source;
    };
    onTestFinished(() => database.execute(`drop owned by ${role}; drop role ${role}`));
    const ledger = new RecordingLedger();
    await expect(pollForTest(as('wrong'), ledger)).rejects.toMatchObject({
      result: 'auth',
      message: expect.stringMatching(/password.*check user and password of database_url/),
    });
    await expect(pollForTest(as('right', '1'), ledger)).rejects.toMatchObject({ result: 'network' });
    await expect(pollForTest(as('right'), ledger)).rejects.toThrow(/grant SELECT/);
    const report = await as('right').probe(AbortSignal.timeout(90_000));
    expect(report.problems.join()).toContain('grant select on crucible_runs');
  });

  it('cannot write, and stops a statement that takes too long', async () => {
    const database = await crucibleOnPostgres();
    const { source } = open(database, { statement_timeout: '2s' });
    await database.createProject('p1');
    await database.createRun({ id: 'a', projectId: 'p1' });
    await database.execute(`
      alter table crucible_runs rename to hidden;
      create view crucible_runs as select h.*, pg_sleep(60)::text as slow from hidden h`);
    await expect(pollForTest(source, new RecordingLedger())).rejects.toMatchObject({
      result: 'server',
      message: expect.stringContaining('raise the timeout'),
    });
    await database.execute(`
      drop view crucible_runs;
      create function write_something() returns text language sql as $$ delete from hidden returning id $$;
      create view crucible_runs as select h.*, write_something() as sneaky from hidden h`);
    await expect(pollForTest(source, new RecordingLedger())).rejects.toThrow(/read-only transaction/);
    await database.execute('drop view crucible_runs; alter table hidden rename to crucible_runs');
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    expect(ledger.get('run', 'a')).toMatchObject({ status: 'queued' });
  });
});

describe('SQLite', () => {
  it('reads JSON that Python wrote with NaN, and leaves what is no JSON out', async () => {
    const database = await crucibleOnSqlite();
    const { source } = open(database);
    await database.createProject('p1');
    const id = await database.createRun({ projectId: 'p1', createdAt: CREATED });
    await database.completeRun(id, { at: after(5), durationSeconds: 5, phases: [DESIGN] });
    await database.execute(
      `update crucible_runs set config = '{"budget": NaN, "note": "NaN is kept here", "max": -Infinity}',
         llm_usage = '{"phases": {"design": {"input_tokens": 7, "cost_usd": NaN}}}', recommended_config_snapshot = '{broken'`,
    );
    const ledger = new RecordingLedger();
    await pollForTest(source, ledger);
    expect(ledger.get('run', id)).toMatchObject({
      config: { budget: null, note: 'NaN is kept here', max: null },
      inputTokens: 7,
    });
    expect(ledger.get('run', id)).not.toHaveProperty('costUsd');
    expect(ledger.get('run', id)).not.toHaveProperty('attributes.recommendedConfigSnapshot');
  });

  it('names a file that is not there, and one that is no database', async () => {
    for (const [path, message] of [
      ['/nonexistent/crucible.db', 'no such file; check database_path'],
      [import.meta.filename, 'not a database'],
    ] as const) {
      const source = intCrucible.create('c', intCrucible.configSchema.parse({ database_path: path }), warnings().log);
      await expect(pollForTest(source, new RecordingLedger())).rejects.toMatchObject({
        result: 'schema',
        message: expect.stringContaining(message),
      });
      expect((await source.probe(AbortSignal.timeout(1_000))).reachable).toBe(false);
    }
  });
});
