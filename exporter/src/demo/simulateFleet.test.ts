import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { categoryOf } from '../contract/errorCategories.ts';
import {
  ADAPTER_RESULTS,
  CI_STATUSES,
  ERROR_CATEGORIES,
  ERROR_SURFACES,
  KINDS,
  NOTIFICATION_TYPES,
  OUTPUT_ROLES,
  PULL_REQUEST_STATUSES,
  RECORD_KINDS,
  RUN_ORIGINS,
} from '../contract/records.ts';
import { CHAIN_STATUSES, isFinished, isOpen, SANDBOX_STATUSES, STATUSES } from '../contract/status.ts';
import { normaliseEvent } from '../normalise/normaliseEvent.ts';
import { DEMO_SOURCES } from './fleet.ts';
import { simulateFleet } from './simulateFleet.ts';
import { Replay } from './testing/replay.ts';

const TO = new Date('2026-11-20T14:30:00.000Z');
const before = (days: number) => new Date(TO.getTime() - days * 86_400_000);
const FORTNIGHT = { seed: 7, from: before(14), to: TO };

function digest(options: Parameters<typeof simulateFleet>[0]): string {
  const hash = createHash('sha256');
  for (const event of simulateFleet(options)) hash.update(JSON.stringify(event));
  return hash.digest('hex');
}

describe('repeatability', () => {
  it('gives the same bytes for the same seed and window, others for another seed or scale', () => {
    const window = { from: before(2), to: TO };
    const first = digest({ seed: 'a', ...window });
    expect(digest({ seed: 'a', ...window })).toBe(first);
    expect(digest({ seed: 'b', ...window })).not.toBe(first);
    expect(digest({ seed: 'a', ...window, scale: 0.5 })).not.toBe(first);
  });

  it('gives the same events where two windows overlap, so that a second demo is all duplicates', () => {
    const early = new Map(
      [...simulateFleet({ seed: 7, from: before(3), to: before(1) })].map((e) => [e.id, JSON.stringify(e)]),
    );
    let shared = 0;
    for (const event of simulateFleet({ seed: 7, from: before(2), to: TO })) {
      const other = early.get(event.id);
      if (event.at < before(1).toISOString()) expect(other).toBe(JSON.stringify(event));
      if (other !== undefined) shared++;
    }
    expect(shared).toBeGreaterThan(2_000);
  });

  it('refuses a window that ends before it begins, and a scale that is no number above 0', () => {
    expect(() => [...simulateFleet({ seed: 7, from: TO, to: before(1) })]).toThrow(/from not behind to/);
    expect(() => [...simulateFleet({ seed: 7, from: before(1), to: TO, scale: 0 })]).toThrow(/above 0/);
  });
});

describe('a fortnight', () => {
  const replay = new Replay();
  const ids = new Set<string>();
  const disorder: string[] = [];
  const seen = {
    kinds: new Set<string>(),
    states: new Set<string>(),
    sandboxes: new Set<string>(),
    steps: new Set<string>(),
    runs: new Set<string>(),
    chains: new Set<string>(),
    pulls: new Set<string>(),
    checks: new Set<string>(),
    ci: new Set<string>(),
    jobs: new Set<string>(),
    stores: new Set<string>(),
    groups: new Set<string>(),
  };
  const firstOfRun = new Map<string, Record<string, unknown>>();
  const changedLabels: string[] = [];
  const ends = new Map<string, number>();
  let events = 0;
  let lastAt = '';

  beforeAll(() => {
    for (const raw of simulateFleet(FORTNIGHT)) {
      events++;
      ids.add(`${raw.source} ${raw.id}`);
      if (raw.at < lastAt || raw.at < FORTNIGHT.from.toISOString() || raw.at >= TO.toISOString()) disorder.push(raw.id);
      lastAt = raw.at;
      // As it travels: JSON, then the exporter's own validation, which throws where an event would be rejected.
      const event = normaliseEvent(JSON.parse(JSON.stringify(raw)), TO.getTime());
      note(event.kind, event.fields);
      replay.apply(event);
      if (event.kind === 'run') followRun(event.source, event.fields);
    }
  });

  function note(kind: string, fields: Readonly<Record<string, unknown>>): void {
    seen.kinds.add(kind);
    const add = (set: Set<string>, value: unknown) => {
      if (typeof value === 'string') set.add(value);
    };
    if (kind === 'output') add(seen.states, fields.state);
    if (kind === 'sandbox') add(seen.sandboxes, fields.status);
    if (kind === 'step') add(seen.steps, fields.status);
    if (kind === 'run') add(seen.runs, fields.status);
    if (kind === 'chain') add(seen.chains, fields.status);
    if (kind === 'job') add(seen.jobs, fields.result);
    if (kind === 'errorGroup') add(seen.groups, fields.kind);
    if (kind === 'store') add(seen.stores, (fields.error as { kind?: string } | null | undefined)?.kind);
    if (kind === 'run') {
      add(seen.pulls, (fields.pullRequest as { status?: string } | undefined)?.status);
      const ci = fields.ci as { status?: string; checks?: { name: string; conclusion?: string }[] } | undefined;
      add(seen.ci, ci?.status);
      for (const check of ci?.checks ?? []) add(seen.checks, check.conclusion);
    }
  }

  const LABELS = ['project', 'workflow', 'persona', 'trigger', 'origin', 'model', 'provider'] as const;

  function followRun(source: string, fields: Readonly<Record<string, unknown>>): void {
    const run = `${source} ${String(fields.runId)}`;
    const first = firstOfRun.get(run);
    if (first === undefined) firstOfRun.set(run, fields);
    else
      for (const label of LABELS)
        if (fields[label] !== undefined && fields[label] !== first[label]) changedLabels.push(`${run} ${label}`);
    if (isFinished(fields.status as string | undefined)) {
      const attempt = `${run} ${String(replay.records.get(`${source}|run|${String(fields.runId)}`)?.doc.attempts)}`;
      ends.set(attempt, (ends.get(attempt) ?? 0) + 1);
    }
  }

  it('has a fleet of about the size that it should have', () => {
    const runs = replay.of('run').length;
    expect(runs).toBeGreaterThan(2_000);
    expect(runs).toBeLessThan(4_000);
    expect(events).toBeGreaterThan(60_000);
    expect(events).toBeLessThan(125_000);
  });

  it('is in order of time, within its window, with no id twice', () => {
    expect(disorder).toEqual([]);
    expect(ids.size).toBe(events);
  });

  it('has every source and every kind of record', () => {
    expect(new Set(replay.of('run').map((run) => run.source))).toEqual(new Set(DEMO_SOURCES));
    expect(KINDS.filter((kind) => !seen.kinds.has(kind))).toEqual([]);
  });

  it('has every word of the contract lists', () => {
    const runs = replay.of('run');
    const errors = [...runs, ...replay.of('step'), ...replay.of('sandbox')].flatMap(({ error }) =>
      error ? [error] : [],
    );
    const surfaces = new Set<string | undefined>(errors.map(({ surface }) => surface));
    if (runs.some(({ pullRequest }) => pullRequest?.error !== undefined)) surfaces.add('pr');
    if (replay.of('sandbox').some((s) => s.learningExtractionError !== undefined)) surfaces.add('learning_extraction');
    const missing = (list: readonly string[], found: Iterable<string | undefined>) => {
      const words = new Set(found);
      return list.filter((word) => !words.has(word));
    };
    const shape = (field: { options: readonly string[] }) => field.options;
    expect({
      categories: missing(
        ERROR_CATEGORIES,
        errors.map(({ category }) => category),
      ),
      runCategories: missing(
        ERROR_CATEGORIES,
        runs.map(({ error }) => error?.category),
      ),
      surfaces: missing(ERROR_SURFACES, surfaces),
      statuses: missing(STATUSES, [...seen.runs, ...seen.steps]),
      chains: missing(CHAIN_STATUSES, seen.chains),
      sandboxes: missing(SANDBOX_STATUSES, seen.sandboxes),
      origins: missing(
        RUN_ORIGINS,
        runs.map(({ origin }) => origin),
      ),
      triggers: missing(
        ['user', 'schedule', 'api'],
        runs.map(({ trigger }) => trigger),
      ),
      roles: missing(
        OUTPUT_ROLES,
        replay.of('output').map(({ role }) => role),
      ),
      states: missing(shape(RECORD_KINDS.output.fields.state), seen.states),
      pullRequests: missing(PULL_REQUEST_STATUSES, seen.pulls),
      ci: missing(CI_STATUSES, seen.ci),
      conclusions: missing(['success', 'failure', 'skipped'], seen.checks),
      notifications: missing(
        NOTIFICATION_TYPES,
        replay.of('notification').map(({ type }) => type),
      ),
      adapters: missing(
        ADAPTER_RESULTS,
        replay.of('adapter').map(({ result }) => result),
      ),
      jobs: missing(shape(RECORD_KINDS.job.fields.result), seen.jobs),
      decisions: missing(
        shape(RECORD_KINDS.approval.fields.decision),
        replay.of('approval').map(({ decision }) => decision),
      ),
      groups: missing(shape(RECORD_KINDS.errorGroup.fields.kind), seen.groups),
      layers: missing(
        shape(RECORD_KINDS.rateLimit.fields.layer),
        replay.of('rateLimit').map(({ layer }) => layer),
      ),
      stores: missing(['connection', 'timeout', 'other'], seen.stores),
      actions: missing(
        ['session_launch', 'persona_edit', 'budget_override', 'pr_merge'],
        replay.of('audit').map(({ action }) => action),
      ),
      services: missing(
        ['anthropic', 'openai', 'openrouter', 'e2b', 'trigger_dev', 'convex'],
        replay.of('usage').map(({ service }) => service),
      ),
      roleSteps: missing(
        ['designer', 'checker', 'optimizer', 'prompter', 'investigator', 'deep-dive', 'evaluator', 'judge', 'answerer'],
        replay.of('step').map(({ role }) => role),
      ),
      verbs: missing(
        ['FETCH', 'LOOKUP', 'PUSH', 'EXECUTE', 'TRANSFORM', 'GOVERN', 'LOGIC_GATE'],
        replay.of('step').map(({ verb }) => verb),
      ),
    }).toEqual({
      categories: [],
      runCategories: [],
      surfaces: [],
      statuses: [],
      chains: [],
      sandboxes: [],
      origins: [],
      triggers: [],
      roles: [],
      states: [],
      pullRequests: [],
      ci: [],
      conclusions: [],
      notifications: [],
      adapters: [],
      jobs: [],
      decisions: [],
      groups: [],
      layers: [],
      stores: [],
      actions: [],
      services: [],
      roleSteps: [],
      verbs: [],
    });
  });

  it('has what is seldom: retries, resumed chains, stuck runs, missing usage and artifacts, missed thresholds', () => {
    const runs = replay.of('run');
    const hours = (run: (typeof runs)[number]) =>
      (Date.parse(run.finishedAt ?? '') - Date.parse(run.startedAt ?? '')) / 3_600_000;
    expect(runs.some((run) => run.attempts === 2 && run.status === 'succeeded')).toBe(true);
    expect(runs.filter((run) => run.status === 'succeeded' && run.error !== undefined)).toEqual([]);
    expect(runs.some((run) => run.source === 'codecourier-demo' && hours(run) > 2)).toBe(true);
    expect(runs.some((run) => run.usageMissing === true)).toBe(true);
    expect(runs.some((run) => run.artifacts?.length === 0)).toBe(true);
    expect(runs.some((run) => run.quality?.thresholdMet === false)).toBe(true);
    expect(runs.some((run) => run.acknowledgedAt !== undefined)).toBe(true);
    expect(
      replay.of('chain').some((chain) => chain.resumeFromSprint !== undefined && chain.status === 'succeeded'),
    ).toBe(true);
    expect(
      replay
        .of('approval')
        .some((a) => Date.parse(a.decidedAt ?? '') - Date.parse(a.requestedAt ?? '') > (a.slaSeconds ?? 0) * 1000),
    ).toBe(true);
    expect(replay.of('output').some(({ text }) => text?.includes('\u001b['))).toBe(true);
    expect(replay.of('step').some(({ verdict }) => verdict?.passed === false)).toBe(true);
  });

  it('makes a run known with all that its labels need, and never changes them', () => {
    expect(changedLabels).toEqual([]);
    for (const [run, first] of firstOfRun) {
      expect(first, run).toMatchObject({
        project: expect.any(String),
        workflow: expect.any(String),
        origin: expect.any(String),
        createdAt: expect.any(String),
      });
    }
  });

  it('ends each attempt of a run once, and every run that had the time to', () => {
    expect([...ends].filter(([, count]) => count !== 1)).toEqual([]);
    const dayAgo = before(2).toISOString();
    const forgotten = replay.of('run').filter((run) => isOpen(run.status) && (run.createdAt ?? '') < dayAgo);
    expect(forgotten.map(({ runId }) => runId)).toEqual([]);
  });

  it('contradicts nothing that was counted', () => {
    expect(replay.corrections).toEqual([]);
  });

  it('names categories that the messages themselves lead to', () => {
    const strange = replay
      .of('step')
      .filter(
        ({ error }) =>
          error?.message !== undefined &&
          !error.message.startsWith('Maximum') &&
          error.category !== categoryOf(error.message),
      );
    expect(strange.map(({ error }) => error)).toEqual([]);
  });

  it('stays below 2,000 label sets', () => {
    expect(replay.series.size).toBeGreaterThan(300);
    expect(replay.series.size).toBeLessThan(2_000);
  });

  it('has work going on at any time', () => {
    const spans = replay
      .of('run')
      .map(
        (run) =>
          [
            Date.parse(run.startedAt ?? ''),
            run.finishedAt ? Date.parse(run.finishedAt) : Number.POSITIVE_INFINITY,
          ] as const,
      );
    const open: number[] = [];
    for (let ms = before(13).getTime(); ms < TO.getTime(); ms += 600_000) {
      open.push(spans.filter(([from, to]) => from <= ms && ms < to).length);
    }
    open.sort((a, b) => a - b);
    expect(open[Math.floor(open.length / 20)]).toBeGreaterThanOrEqual(2);
    expect(open[Math.floor(open.length / 2)]).toBeGreaterThanOrEqual(4);
  });
});
