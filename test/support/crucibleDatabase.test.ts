import { DatabaseSync } from 'node:sqlite';
import { Client, types } from 'pg';
import { describe, expect, it } from 'vitest';
import { type CrucibleDatabase, crucibleOnPostgres, crucibleOnSqlite } from './crucibleDatabase.ts';
import type { PhaseResult } from './crucibleObservability.ts';

const CREATED = new Date('2025-11-21T15:45:00.120Z');
const STARTED = new Date('2025-11-21T15:45:01.000Z');
const ENDED = new Date('2025-11-21T15:46:30.500Z');
const PHASES: PhaseResult[] = [
  {
    phase: 'design',
    startedAt: STARTED,
    durationSeconds: 12.5,
    usage: {
      input_tokens: 900,
      output_tokens: 300,
      total_tokens: 1200,
      call_count: 3,
      cost_usd: 0.02,
      models: { 'model-a': 3 },
    },
  },
  {
    phase: 'evaluation',
    startedAt: STARTED,
    durationSeconds: 40,
    usage: {
      input_tokens: 100,
      output_tokens: 50,
      total_tokens: 150,
      call_count: 7,
      cost_usd: 0.01,
      models: { 'model-a': 7 },
    },
  },
  { phase: 'ranking', startedAt: STARTED, durationSeconds: 1.25 },
];

/** Every column as the text that is stored. */
async function readRuns(crucible: CrucibleDatabase): Promise<Record<string, unknown>[]> {
  const sql = 'select * from crucible_runs order by id';
  const { sourceConfig } = crucible;
  if ('database_path' in sourceConfig) {
    const database = new DatabaseSync(sourceConfig.database_path, { readOnly: true });
    try {
      return database.prepare(sql).all();
    } finally {
      database.close();
    }
  }
  const client = new Client({
    connectionString: sourceConfig.database_url,
    types: {
      getTypeParser: (oid) =>
        oid === types.builtins.INT4 || oid === types.builtins.FLOAT8 ? Number : (text: string) => text,
    },
  });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe.each([
  ['Postgres', crucibleOnPostgres],
  ['SQLite', crucibleOnSqlite],
])('Int Crucible on %s', (_, create) => {
  it('takes a run through its life as the service does', async () => {
    const crucible = await create();
    try {
      await crucible.createProject('project-1');
      const id = await crucible.createRun({ projectId: 'project-1', createdAt: CREATED, uiTriggerId: 'trigger-1' });
      expect(await readRuns(crucible)).toMatchObject([
        {
          id,
          status: 'CREATED',
          mode: 'FULL_SEARCH',
          started_at: null,
          candidate_count: 0,
          metrics: null,
          config: 'null',
        },
      ]);

      await crucible.updateRunStatus(id, 'RUNNING', { startedAt: STARTED });
      await crucible.completeRun(id, { at: ENDED, durationSeconds: 89.5, phases: PHASES, counts: { candidates: 5 } });
      const [row] = await readRuns(crucible);
      expect(row).toMatchObject({ status: 'COMPLETED', duration_seconds: 89.5, candidate_count: 5, scenario_count: 0 });
      expect(row?.created_at).toMatch(/^2025-11-21 15:45:00\.120*$/);
      expect(row?.completed_at).toMatch(/^2025-11-21 15:46:30\.50*$/);
      expect(JSON.parse(String(row?.metrics)).phase_timings.design).toEqual({
        started_at: '2025-11-21T15:45:01.000000',
        completed_at: '2025-11-21T15:45:13.500000',
        duration_seconds: 12.5,
      });
      expect(JSON.parse(String(row?.llm_usage))).toMatchObject({
        phases: { design: { models: { 'model-a': 3 } } },
        total: { input_tokens: 1000, output_tokens: 350, total_tokens: 1350, call_count: 2, cost_usd: 0.03 },
      });
    } finally {
      await crucible.drop();
    }
  });

  it('leaves a failed run without completed_at, and cuts the error', async () => {
    const crucible = await create();
    try {
      await crucible.createProject('project-1');
      const id = await crucible.createRun({ projectId: 'project-1', createdAt: CREATED });
      await crucible.updateRunStatus(id, 'RUNNING', { startedAt: STARTED });
      await crucible.failRun(id, 'x'.repeat(600), { durationSeconds: 3 });
      expect(await readRuns(crucible)).toMatchObject([
        { status: 'FAILED', completed_at: null, error_summary: 'x'.repeat(512), llm_usage: null, duration_seconds: 3 },
      ]);
      await crucible.deleteRun(id);
      expect(await readRuns(crucible)).toEqual([]);
      await expect(crucible.updateRunStatus(id, 'CANCELLED')).rejects.toThrow('changed 0 rows, expected 1');
    } finally {
      await crucible.drop();
    }
  });

  it('holds a history of runs', async () => {
    const crucible = await create();
    try {
      await crucible.createProject('project-1');
      await crucible.insertHistory(
        Array.from({ length: 2500 }, (_, index) => ({
          id: `run-${String(index).padStart(4, '0')}`,
          projectId: 'project-1',
          createdAt: CREATED,
          startedAt: STARTED,
          end: { at: ENDED, phases: PHASES },
          ...(index === 1 ? { error: 'no model' } : {}),
        })),
      );
      const rows = await readRuns(crucible);
      expect(rows).toHaveLength(2500);
      expect(rows.slice(0, 2)).toMatchObject([
        { id: 'run-0000', status: 'COMPLETED', error_summary: null, config: 'null' },
        { id: 'run-0001', status: 'FAILED', completed_at: null, error_summary: 'no model' },
      ]);
    } finally {
      await crucible.drop();
    }
  });
});

describe('the type of ui_trigger_source', () => {
  it('differs between the two ways in which Postgres tables are made', async () => {
    for (const [origin, taken, refused] of [
      ['alembic', 'api_client', 'API_CLIENT'],
      ['create_all', 'API_CLIENT', 'api_client'],
    ] as const) {
      const crucible = await crucibleOnPostgres(origin);
      try {
        await crucible.createProject('project-1');
        await crucible.createRun({ projectId: 'project-1', uiTriggerSource: taken });
        await expect(crucible.createRun({ projectId: 'project-1', uiTriggerSource: refused })).rejects.toThrow(
          'runtriggersource',
        );
      } finally {
        await crucible.drop();
      }
    }
  });
});
