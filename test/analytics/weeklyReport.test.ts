import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { weeklyReport } from '../../exporter/src/cli/weeklyReport.ts';
import type {
  BudgetReviewAnswer,
  FailuresAnswer,
  FiguresAnswer,
  ReviewAnswer,
} from '../../exporter/src/contract/analytics.ts';
import { runCli } from '../cli/runCli.ts';
import { DAY_MS, event } from '../ledger/ledgerBed.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';
import { HOUR_MS } from './fleets.ts';
import { type ServedAnalytics, serveAnalytics } from './servedAnalytics.ts';

/** A Monday some weeks ago: the days of its week are all over. */
const MONDAY = mondayBefore(Date.now() - 14 * DAY_MS);
const WEEK = isoWeek(MONDAY);
const GOLDEN = new URL('./weeklyReport.golden.md', import.meta.url);
const OUTCOMES = ['succeeded', 'succeeded', 'succeeded', 'failed', 'timed_out', 'cancelled'] as const;

let served: ServedAnalytics;
beforeAll(async () => {
  served = await serveAnalytics({
    timeZone: 'UTC',
    limits: new Map([
      ['workspace_monthly', 400n * 1_000_000_000n],
      ['repo_daily', 20n * 1_000_000_000n],
      ['persona_run', 3n * 1_000_000_000n],
    ]),
    pauses: false,
    needsAcknowledgement: false,
    tells: [],
    pausers: [],
  });
  await served.bed.ledger.recordPushed([...week()]);
  while (await served.bed.ledger.sweep()) {}
});
afterAll(async () => served?.[Symbol.asyncDispose]());

function mondayBefore(ms: number): number {
  const day = Math.floor(ms / DAY_MS);
  return (day - ((day + 3) % 7)) * DAY_MS;
}

function isoWeek(mondayMs: number): string {
  const thursday = new Date(mondayMs + 3 * DAY_MS);
  const days = Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / DAY_MS);
  return `${thursday.getUTCFullYear()}-W${String(Math.floor(days / 7) + 1).padStart(2, '0')}`;
}

/** A week of two personas in two repositories, one persona that nobody uses any more, and one that was archived. */
function* week() {
  for (let n = 0; n < 60; n++) {
    const at = MONDAY + Math.floor(n / 10) * DAY_MS + (n % 10) * HOUR_MS;
    const iso = (ms: number) => new Date(ms).toISOString();
    const runId = `run-${String(n).padStart(2, '0')}`;
    const status = OUTCOMES[n % OUTCOMES.length];
    const persona = n % 5 === 0 ? 'reviewer' : 'engineer';
    const project = n % 3 === 0 ? 'acme/api' : 'acme/web';
    yield event(runId, 'run', at + HOUR_MS, {
      ...{ runId, project, persona, status, name: `Fix | of <b>${n}</b>`, workflow: 'bugfix' },
      ...{ createdAt: iso(at), startedAt: iso(at + 30_000), finishedAt: iso(at + HOUR_MS), iterations: 1 + (n % 2) },
      ...(status === 'failed' ? { error: { message: 'git push was rejected' } } : {}),
      ...(status === 'succeeded'
        ? {
            quality: { composite: 70 + (n % 20) },
            pullRequest: { status: 'merged', url: `https://github.example/acme/${n}` },
          }
        : {}),
      ...(n === 0 ? { links: { source: 'https://platform.example/runs/0' } } : {}),
      ...(n === 1 ? { links: { source: 'javascript:alert(1)' } } : {}),
    });
    yield event(`${runId} usage`, 'usage', at + HOUR_MS, {
      usageId: runId,
      runId,
      project,
      persona,
      costUsd: 1 + (n % 4),
    });
  }
  const old = new Date(MONDAY - 60 * DAY_MS).toISOString();
  for (const [persona, more] of [
    ['planner', {}],
    ['scribe', { archivedAt: old }],
  ] as const) {
    yield event(`persona ${persona}`, 'persona', old, { persona, project: 'acme/web', lastUsedAt: old, ...more });
  }
}

const ask = <T>(path: string, token?: 'all' | 'team') => served.ask<T>(path, token);

it('draws five sessions of each persona, from every outcome, the same at each time, others in another week', async () => {
  const draw = async (token?: 'team') => (await ask<ReviewAnswer>(`personas?week=${WEEK}`, token)).data;
  const personas = await draw();
  expect(personas.map(({ persona }) => persona)).toEqual(['engineer', 'planner', 'reviewer', 'scribe']);
  for (const { persona, sessions, runs } of personas.filter((p) => p.runs > 0)) {
    expect(sessions, persona).toHaveLength(5);
    expect(runs).toBeGreaterThan(5);
    expect(new Set(sessions.map((s) => s.status)).size).toBe(4);
    expect(new Set(sessions.map((s) => s.runId)).size).toBe(5);
  }
  expect(await draw()).toEqual(personas);
  const ofTeam = await draw('team');
  expect(ofTeam.map(({ persona, sessions }) => [persona, sessions.length])).toEqual([
    ['engineer', 5],
    ['reviewer', 4],
  ]);
  expect(new Set(ofTeam.flatMap(({ sessions }) => sessions.map((s) => s.project)))).toEqual(new Set(['acme/api']));
  // What comes later in the week takes the place of few.
  const before = personas.flatMap(({ sessions }) => sessions.map((s) => s.runId));
  await served.bed.ledger.recordPushed([
    event('late', 'run', MONDAY + 6 * DAY_MS, {
      ...{ runId: 'late', persona: 'engineer', project: 'acme/other', status: 'cancelled' },
      finishedAt: new Date(MONDAY + 6 * DAY_MS).toISOString(),
    }),
  ]);
  const after = (await draw()).flatMap(({ sessions }) => sessions.map((s) => s.runId));
  expect(before.filter((runId) => !after.includes(runId)).length).toBeLessThanOrEqual(1);
  await served.bed.ledger.recordPushed([
    event('late 2', 'run', MONDAY + 6 * DAY_MS + 1, { runId: 'late', persona: 'engineer', status: 'skipped' }),
  ]);
});

it('names the personas that nobody used for 30 days, and not those that were archived', async () => {
  const { data } = await ask<ReviewAnswer>(`personas?week=${WEEK}`);
  expect(data.filter((p) => p.unused).map((p) => p.persona)).toEqual(['planner']);
  expect(data.find((p) => p.persona === 'planner')?.lastUsedAt).toBe(new Date(MONDAY - 60 * DAY_MS).toISOString());
  const ofTeam = await ask<ReviewAnswer>(`personas?week=${WEEK}`, 'team');
  expect(ofTeam.data.map((p) => p.persona)).toEqual(['engineer', 'reviewer']);
});

it('sets what was spent by day and run against the caps', async () => {
  const { data, timeZone } = await ask<BudgetReviewAnswer>(`budgets?week=${WEEK}`);
  expect(timeZone).toBe('UTC');
  // Of 60 runs at 1, 2, 3 and 4 dollars in turn, ten a day: every third is of acme/api.
  const costs = Array.from({ length: 60 }, (_, n) => ({
    n,
    usd: 1 + (n % 4),
    api: n % 3 === 0,
    day: Math.floor(n / 10),
  }));
  for (const [subject, isApi] of [
    ['acme/api', true],
    ['acme/web', false],
  ] as const) {
    const own = costs.filter(({ api }) => api === isApi);
    const days = [0, 1, 2, 3, 4, 5].map((d) =>
      own.filter(({ day }) => day === d).reduce((sum, { usd }) => sum + usd, 0),
    );
    expect(data.find((row) => row.subject === subject)).toEqual({
      ...{ scope: 'repo_daily', subject, capUsd: 20, windows: 6 },
      spentUsd: own.reduce((sum, { usd }) => sum + usd, 0),
      highestUsd: Math.max(...days),
      reached: days.filter((usd) => usd >= 20).length,
    });
  }
  const reviewer = costs.filter(({ n }) => n % 5 === 0);
  expect(data.find((row) => row.subject === 'reviewer')).toEqual({
    ...{ scope: 'persona_run', subject: 'reviewer', capUsd: 3, windows: 12, highestUsd: 4 },
    spentUsd: reviewer.reduce((sum, { usd }) => sum + usd, 0),
    reached: reviewer.filter(({ usd }) => usd >= 3).length,
  });
  expect(data[0]).toMatchObject({ scope: 'workspace_monthly', subject: 'workspace', spentUsd: 150, capUsd: 400 });
  // Who sees one project sees nothing of the workspace.
  const ofTeam = await ask<BudgetReviewAnswer>(`budgets?week=${WEEK}`, 'team');
  expect(ofTeam.data.map((row) => row.subject)).toEqual(['acme/api', 'engineer', 'reviewer']);
});

it('shows no figure of another project to who may see one', async () => {
  const window = `from=${new Date(MONDAY).toISOString()}&to=${new Date(MONDAY + 7 * DAY_MS).toISOString()}`;
  const runs = await ask<FiguresAnswer>(`runs?${window}&by=project`, 'team');
  expect(runs.data.map((row) => [row.project, row.runs])).toEqual([['acme/api', 20]]);
  expect((await ask<FiguresAnswer>(`runs?${window}&project=acme/web`, 'team')).data[0]?.runs).toBe(0);
  expect((await ask<FailuresAnswer>(`failures?${window}`, 'team')).failures).toBeLessThan(
    (await ask<FailuresAnswer>(`failures?${window}`)).failures,
  );
  for (const path of ['spend', 'timeseries']) {
    expect(JSON.stringify(await ask(`${path}?${window}&by=project`, 'team'))).not.toContain('acme/web');
  }
});

it('refuses what cannot be answered, and says what was expected', async () => {
  for (const [path, message] of [
    ['runs?by=branch', 'by'],
    ['runs?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'expected a time before'],
    ['runs?from=1990-01-01T00:00:00Z', 'expected a shorter window'],
    ['timeseries?bucket=hour&by=model&limit=1000', 'expected fewer'],
    ['timeseries?time_zone=Mars/Olympus', 'IANA'],
    ['personas?week=2026-W60', 'expected a week'],
    ['budgets?week=2025-W53', 'expected a week that the year has'],
  ]) {
    const { status, body } = await served.reads.get(`/api/v1/analytics/${path}`);
    expect(status, path).toBe(400);
    expect(JSON.stringify(body), path).toContain(message);
  }
});

/** The week of the golden file is another at each run of the test: its days are named by their place. */
function withoutDates(report: string): string {
  let text = report.replaceAll(WEEK, '<week>').replace(/as of \S+Z\./, 'as of <now>.');
  for (let day = -60; day <= 7; day++) {
    text = text.replaceAll(new Date(MONDAY + day * DAY_MS).toISOString().slice(0, 10), `<day ${day}>`);
  }
  // The lot of another week draws other sessions, and the month has another part of it.
  return text.replace(/^\| \[ \] .*$/gm, '| [ ] <session> |').replace(/^(\| workspace \|.*?\|).*$/m, '$1 <month> |');
}

it('writes the week as Markdown, through the API', async () => {
  const token = { FLEETLENS_URL: served.reads.url, FLEETLENS_TOKEN: 'admin-of-everything' };
  const { code, stdout, stderr } = await runCli(['report', 'weekly', '--week', WEEK], { env: token });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  if (process.env.UPDATE_GOLDEN !== undefined) await writeFile(GOLDEN, withoutDates(stdout));
  expect(withoutDates(stdout)).toBe(await readFile(GOLDEN, 'utf8'));
  const sessions = stdout.match(/^\| \[ \] .*$/gm) ?? [];
  expect(sessions).toHaveLength(10);
  // A name cannot break out of its cell, and what is no address of the web is no link.
  for (const session of sessions) {
    expect(session).toMatch(/Fix \\\| of \\<b\\>\d+\\<\/b\\> \(pushed\/run-\d\d\)/);
    expect(session.match(/(?<!\\)\|/g)).toHaveLength(8);
    expect(session).not.toContain('javascript:');
  }
  expect(stdout).toContain('](<https://fleetlens.example/base/api/v1/runs/pushed/run-');

  const linked = await runCli(
    [
      'report',
      'weekly',
      '--week',
      WEEK,
      '--project',
      'acme/api',
      '--run-link',
      'https://grafana.example/runs/{source}/{id}',
    ],
    { env: token },
  );
  expect(linked.stdout).toContain('](<https://grafana.example/runs/pushed/run-');
  expect(linked.stdout).not.toContain('acme/web');
  expect(linked.stdout).not.toContain('### Workspace');
});

it('writes the report to a file, and says what is wrong with a week or a file', async () => {
  const env = { FLEETLENS_URL: served.reads.url, FLEETLENS_TOKEN: 'admin-of-everything' };
  await using directory = await temporaryDirectory('report');
  const file = join(directory.path, 'week.md');
  const written = await runCli(['report', 'weekly', '--week', WEEK, '--output', file], { env });
  expect(written).toEqual({ code: 0, stdout: '', stderr: `Week ${WEEK} written to ${file}.\n` });
  expect(await readFile(file, 'utf8')).toMatch(new RegExp(`^# Week ${WEEK}\n`));
  const wrong = await runCli(['report', 'weekly', '--week', '2026-99'], { env });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('expected a week of ISO 8601 such as 2026-W46');
  const nowhere = await runCli(['report', 'weekly', '--week', WEEK, '--output', '/nowhere/at/all.md'], { env });
  expect(nowhere.code).toBe(1);
  expect(nowhere.stderr).toContain('--output: /nowhere/at/all.md cannot be written');
});

it('says so where a week had no run at all', () => {
  const scope = { week: '2026-W02', from: '2026-01-05', to: '2026-01-12', asOf: '2026-01-13', timeZone: 'UTC' };
  const report = weeklyReport({
    personas: { ...scope, data: [] },
    budgets: { ...scope, data: [] },
    failures: { ...scope, groups: 0, failures: 0, data: [] },
  });
  expect(report).toContain('No persona had a run that ended in this week.');
  expect(report).toContain('No run failed or timed out.');
});
