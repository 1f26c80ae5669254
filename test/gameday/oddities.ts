import { approval } from './daily.ts';
import { minutes, type Recipe } from './recipe.ts';
import {
  ADAPTERS,
  COURIER,
  CRITICAL,
  DAY_MS,
  DEMITON,
  ERP,
  HANDLERS,
  HOUR_MS,
  INFRA,
  LAB,
  LEGACY,
  MINUTE_MS,
  PROJECTS,
  QUEUE,
  REPLICAS,
  SHOP,
  TINKER,
  TOOLS,
} from './world.ts';

const iso = (ms: number) => new Date(ms).toISOString();

/** What happens every day and should wake nobody, and how often in thirty days. */
export const ODDITIES: readonly { readonly times: number; readonly recipe: Recipe }[] = [
  odd('one failure of three at night', 18, { when: 'night' }, (script, at) => {
    const of = script.random.pick([TOOLS, INFRA, LAB, SHOP]);
    for (const i of [0, 1, 2])
      script.run(of, {
        startMs: at + i * MINUTE_MS,
        durationMs: minutes(3),
        ...(i === 1
          ? {
              status: 'failed',
              error: { category: 'timeout' },
              acknowledgedMs: at + minutes(script.random.between(4.5, 7.5)),
            }
          : {}),
      });
    return at + minutes(10);
  }),
  odd('a failure that the next run mends', 16, {}, (script, at) => {
    const of = script.random.pick([TOOLS, ERP, LAB]);
    const [workflow] = of.workflows;
    script.run(of, { startMs: at, durationMs: minutes(2), workflow, status: 'failed', error: { category: 'network' } });
    script.run(of, { startMs: at + minutes(2), durationMs: minutes(script.random.between(1, 3.5)), workflow });
    return at + minutes(6);
  }),
  odd('an idle night', 12, { when: 'night' }, (script, at) => {
    const to = at + script.random.integer(4, 8) * HOUR_MS;
    const of = script.random.pick([TOOLS, INFRA, LAB]);
    return { to, silences: [{ source: of.source, project: of.project, from: at, to }] };
  }),
  odd('a burst of runs', 16, {}, (script, at) => {
    const of = script.random.pick(PROJECTS);
    for (let i = 0; i < script.random.integer(10, 30); i++)
      script.run(of, {
        startMs: at + script.random.between(0, minutes(10)),
        durationMs: minutes(script.random.between(1, 12)),
        noArtifacts: false,
      });
    return at + minutes(25);
  }),
  odd('a burst of jobs that is worked off', 16, {}, (script, at) => {
    const jobs = script.random.integer(25, 60);
    for (let i = 0; i < jobs; i++) script.job(DEMITON, at + i * 1_500, 2_000 + i * 4_000);
    for (let m = 1; m <= 6; m++) script.queue(DEMITON, at + minutes(m), Math.max(0, jobs - m * 12));
    return at + minutes(10);
  }),
  odd('a long run', 12, {}, (script, at) => {
    const durationMs = minutes(script.random.integer(90, 114));
    script.run(script.random.pick(PROJECTS), { startMs: at, durationMs });
    return at + durationMs;
  }),
  odd('an approval just in time', 12, {}, (script, at) => {
    const waitMs = minutes(script.random.integer(50, 58));
    approval(script, at, waitMs);
    return at + waitMs;
  }),
  odd('a handful of errors', 12, {}, (script, at) => {
    script.errors(TINKER, script.random.pick(HANDLERS), at, at + minutes(5), script.random.integer(8, 14));
    return at + minutes(15);
  }),
  odd('an error on the critical path', 8, {}, (script, at) => {
    script.errors(TINKER, script.random.pick(CRITICAL), at, at + minutes(8), 1);
    return at + minutes(10);
  }),
  odd('two calls that were not authorised', 10, {}, (script, at) => {
    const adapter = script.random.pick(ADAPTERS);
    script.adapter(DEMITON, adapter, at, 'auth', 2);
    script.adapter(DEMITON, adapter, at + 20_000, 'ok', 2);
    return at + minutes(10);
  }),
  odd('a few requests too many', 10, {}, (script, at) => {
    for (let i = 0; i < script.random.integer(3, 6); i++)
      script.rateLimited(TINKER, at + script.random.between(0, minutes(4)), 'ip', undefined);
    return at + minutes(10);
  }),
  odd('a store that hiccups', 8, {}, (script, at) => {
    const down = (ms: number, up: boolean) =>
      script.event(ms, TINKER, 'store', {
        store: 'postgres',
        at: iso(ms),
        up,
        error: up ? null : { kind: 'timeout', message: 'slow' },
      });
    down(at, false);
    down(at + 40_000, true);
    return at + minutes(5);
  }),
  odd('a night with a cold cache', 8, { when: 'night' }, (_script, at) => ({
    to: at + minutes(30),
    cache: [0, 8, 16].map((m) => ({ at: at + minutes(m), hits: 3, misses: 9, evictions: 0 })),
  })),
  odd('two runs without artifacts', 6, {}, (script, at) => {
    for (const i of [0, 1])
      script.run(INFRA, { startMs: at + i * minutes(4), durationMs: minutes(3), noArtifacts: true });
    return at + minutes(45);
  }),
  odd('a pull request that could not be made at first', 6, {}, (script, at) => {
    script.run(SHOP, {
      startMs: at,
      durationMs: minutes(3),
      pullRequest: { status: 'failed', error: 'git push: rejected' },
    });
    return at + minutes(10);
  }),
  odd('a sandbox that breaks', 6, {}, (script, at) => {
    script.event(at, COURIER, 'sandbox', {
      sandboxId: script.id('sandbox'),
      project: SHOP.project,
      status: 'error',
      createdAt: iso(at),
      endedAt: iso(at),
      error: { surface: 'sandbox', category: 'network', message: 'fetch failed' },
    });
    return at + minutes(20);
  }),
  odd('two thirds of a budget', 5, { when: 'day' }, (script, at) => {
    script.usage(ERP, at, script.random.between(8, 30));
    return at + HOUR_MS;
  }),
  odd('events with a clock of their own', 20, {}, (script, at) => {
    for (let i = 0; i < 5; i++) {
      const ms = at + i * minutes(2);
      const skew = script.random.integer(-100_000, 150_000);
      script.event(
        ms,
        DEMITON,
        'job',
        {
          queue: QUEUE,
          jobId: script.id('job'),
          enqueuedAt: iso(ms),
          startedAt: iso(ms + 900),
          finishedAt: iso(ms + 1_200),
          result: 'complete',
          tries: 1,
        },
        ms + skew,
      );
    }
    return at + minutes(12);
  }),
  odd('the history of a week, told late', 6, { leadMs: DAY_MS, isAlone: true }, (script, at) => {
    // Everything of a run in one word, long after; the last one of the project succeeded.
    const runs = script.random.integer(12, 40);
    const of = script.random.pick([SHOP, INFRA]);
    for (let i = 0; i < runs; i++) {
      const startMs = at - HOUR_MS * (2 + (runs - i) / 2);
      const status = i < runs - of.workflows.length && i % 2 === 0 ? 'failed' : 'succeeded';
      script.happenings.push({
        what: 'event',
        at: at + 500,
        source: of.source,
        kind: 'run',
        saidAt: startMs + minutes(5),
        data: {
          runId: script.id('run'),
          project: of.project,
          workflow: of.workflows[i % of.workflows.length] as string,
          persona: of.personas[0] as string,
          origin: 'workflow',
          provider: 'anthropic',
          status,
          createdAt: iso(startMs),
          startedAt: iso(startMs),
          finishedAt: iso(startMs + minutes(5)),
          costUsd: 0.1,
          inputTokens: 5,
          ...(status === 'failed' ? { error: { surface: 'run', category: 'api_key', message: 'it failed' } } : {}),
        },
      });
    }
    return at + 1.2 * HOUR_MS;
  }),
  odd('a source is read for the first time', 1, { leadMs: 4 * HOUR_MS }, (script, at) => {
    for (let i = 0; i < 120; i++) {
      const startMs = at - DAY_MS - (120 - i) * minutes(11);
      const failed = i % 3 === 0 && i < 118;
      script.happenings.push({
        what: 'event',
        at,
        source: LEGACY,
        kind: 'run',
        saidAt: startMs + minutes(6),
        data: {
          runId: script.id('run'),
          project: 'legacy',
          workflow: 'old',
          status: failed ? 'failed' : 'succeeded',
          createdAt: iso(startMs),
          startedAt: iso(startMs),
          finishedAt: iso(startMs + minutes(6)),
          costUsd: 0.1,
          ...(failed ? { error: { surface: 'run', category: 'timeout' } } : {}),
        },
      });
    }
    // A new source comes with a new configuration.
    script.happenings.push({ what: 'restart', at: at + 100, replica: REPLICAS[0] });
    return at + HOUR_MS;
  }),
  odd('the exporter starts anew', 12, {}, (script, at) => {
    const to = at + script.random.integer(5_000, 100_000);
    script.happenings.push({ what: 'restart', at: to, replica: REPLICAS[0] });
    return { to, outages: [{ of: 'replica', replica: REPLICAS[0], from: at, to }] };
  }),
  odd('Prometheus starts anew', 6, { isAlone: true }, (script, at) => {
    const to = at + script.random.integer(40_000, 170_000);
    return { to, outages: [{ of: 'prometheus', from: at, to }] };
  }),
];

type Tell = (...told: Parameters<Recipe['tell']>) => number | ReturnType<Recipe['tell']>;

function odd(
  name: string,
  times: number,
  more: Pick<Recipe, 'when' | 'leadMs' | 'isAlone'>,
  tell: Tell,
): { times: number; recipe: Recipe } {
  return {
    times,
    recipe: {
      name,
      alerts: [],
      lengthMs: HOUR_MS,
      ...more,
      tell(...told) {
        const answer = tell(...told);
        return typeof answer === 'number' ? { to: answer } : answer;
      },
    },
  };
}
