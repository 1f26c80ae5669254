import { approval, USUAL_CACHE_BYTES } from './daily.ts';
import { minutes, type Recipe } from './recipe.ts';
import {
  ADAPTERS,
  COURIER,
  CRITICAL,
  CRUCIBLE,
  DAY_MS,
  DEMITON,
  HANDLERS,
  HOOKS,
  HOUR_MS,
  INFRA,
  LAB,
  MINUTE_MS,
  PROJECTS,
  RARE_WORKFLOW,
  REPLICAS,
  SHOP,
  TINKER,
  TOOLS,
} from './world.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const CONFIGURATION_ERRORS = ['api_key', 'template_not_found', 'timeout', 'git_push', 'rate_limit'] as const;

/** The labelled incidents: each kind of the catalogue is in one of them. Sizes are drawn, and leave no doubt about what they are. */
export const INCIDENTS: readonly Recipe[] = [
  {
    name: 'a deployment with a wrong key',
    alerts: ['FleetRunFailureRateHigh', 'FleetFailurePattern', 'FleetFailedRunUnattended'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      const { random } = script;
      const category = random.pick(CONFIGURATION_ERRORS);
      const runs = random.integer(14, 24);
      const acknowledgedMs = at + minutes(random.integer(30, 45));
      for (let i = 0; i < runs; i++) {
        const fails = i % 5 < 3;
        script.run(SHOP, {
          startMs: at + random.between(0, minutes(10)),
          durationMs: random.between(minutes(1), minutes(5)),
          ...(fails ? { status: 'failed', error: { category }, acknowledgedMs, workflow: RARE_WORKFLOW } : {}),
        });
      }
      return { to: acknowledgedMs };
    },
  },
  {
    name: 'everything fails for a quarter of an hour',
    alerts: ['FleetRunErrorBudgetBurn'],
    lengthMs: 1.5 * HOUR_MS,
    tell(script, at) {
      const { random } = script;
      const acknowledgedMs = at + minutes(35);
      for (let i = 0; i < random.integer(60, 80); i++)
        script.run(SHOP, {
          startMs: at + random.between(0, minutes(18)),
          durationMs: random.between(minutes(1), minutes(3)),
          status: 'failed',
          error: { category: 'network' },
          acknowledgedMs,
        });
      return { to: acknowledgedMs };
    },
  },
  {
    name: 'half of the runs fail for hours',
    alerts: ['FleetRunErrorBudgetBurn'],
    lengthMs: 7 * HOUR_MS,
    tell(script, at) {
      const { random } = script;
      const to = at + 5 * HOUR_MS;
      for (let startMs = at, i = 0; startMs < to; startMs += random.between(minutes(4), minutes(7)), i++) {
        const fails = i % 5 < 3;
        script.run(INFRA, {
          startMs,
          durationMs: minutes(2),
          ...(fails ? { status: 'timed_out', error: { category: 'other' }, acknowledgedMs: startMs + minutes(5) } : {}),
        });
      }
      return { to };
    },
  },
  {
    name: 'a failure in a small project that nobody looks at',
    alerts: ['FleetFailedRunUnattended'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      const of = script.random.pick([TOOLS, INFRA, LAB]);
      const durationMs = minutes(script.random.integer(2, 9));
      const acknowledgedMs = at + durationMs + minutes(script.random.integer(14, 40));
      script.run(of, {
        startMs: at,
        durationMs,
        workflow: RARE_WORKFLOW,
        status: 'failed',
        error: { category: 'other' },
        acknowledgedMs,
      });
      return { to: acknowledgedMs };
    },
  },
  {
    name: 'a run that does not end',
    alerts: ['FleetRunStuck'],
    lengthMs: 3.5 * HOUR_MS,
    tell(script, at) {
      const durationMs = minutes(script.random.integer(130, 190));
      script.run(script.random.pick(PROJECTS), { startMs: at, durationMs });
      return { to: at + durationMs };
    },
  },
  {
    name: 'an approval that is forgotten',
    alerts: ['FleetApprovalSlaBreached'],
    lengthMs: 3 * HOUR_MS,
    tell(script, at) {
      const waitMs = minutes(script.random.integer(75, 150));
      approval(script, at, waitMs);
      return { to: at + waitMs };
    },
  },
  {
    name: 'a repository spends its day',
    alerts: ['FleetBudgetNearLimit', 'FleetBudgetExceeded', 'FleetBudgetPaused'],
    when: 'day',
    lengthMs: 2 * HOUR_MS,
    tell(script, at) {
      const { random } = script;
      const nearMs = minutes(random.integer(12, 25));
      script.usage(TOOLS, at, random.between(166, 176));
      script.usage(TOOLS, at + nearMs, random.between(40, 80));
      const acknowledgedMs = at + nearMs + minutes(random.integer(20, 50));
      script.acknowledgeBudget(acknowledgedMs, 'repo_daily', TOOLS.project);
      return { to: acknowledgedMs };
    },
  },
  {
    name: 'a dear run',
    alerts: ['FleetBudgetNearLimit'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      const durationMs = minutes(script.random.integer(25, 50));
      const { runId } = script.run(SHOP, { startMs: at, durationMs, persona: 'builder', costUsd: 0.1 });
      script.usage(SHOP, at + minutes(3), script.random.between(20.5, 23.5), { runId, persona: 'builder' });
      return { to: at + durationMs };
    },
  },
  {
    name: 'the workers are gone',
    alerts: ['FleetQueueBacklogNotConsumed'],
    of: 'jobs',
    lengthMs: HOUR_MS,
    tell(script, at) {
      const { random } = script;
      const to = at + minutes(random.integer(24, 40));
      const waiting: { id: string; at: number }[] = [];
      for (let ms = at; ms < to; ms += MINUTE_MS) {
        for (let i = random.integer(1, 3); i > 0; i--) waiting.push({ id: script.job(DEMITON, ms), at: ms });
        script.queue(DEMITON, ms + 5_000, waiting.length, { workers: 0 });
      }
      waiting.forEach((job, i) => {
        script.jobDone(DEMITON, job.id, job.at, to + (i * minutes(4)) / waiting.length);
      });
      script.queue(DEMITON, to + minutes(5), 0);
      return {
        to: to + minutes(5),
        silences: [{ source: DEMITON, kinds: ['job', 'queue'], from: at - minutes(11), to: to + minutes(5) }],
      };
    },
  },
  {
    name: 'jobs wait although there are no more of them',
    alerts: ['FleetQueueWaitHigh'],
    of: 'jobs',
    leadMs: 1.1 * DAY_MS,
    lengthMs: 2 * HOUR_MS,
    tell(script, at) {
      const { random } = script;
      const to = at + minutes(random.integer(60, 90));
      for (let ms = at; ms < to; ms += minutes(6)) script.job(DEMITON, ms, random.between(130_000, 280_000));
      return { to, silences: [{ source: DEMITON, kinds: ['job'], from: at - minutes(10), to }] };
    },
  },
  {
    name: 'an adapter answers with errors',
    alerts: ['FleetAdapterErrorRateHigh'],
    of: 'adapters',
    leadMs: 1.1 * DAY_MS,
    lengthMs: 1.5 * HOUR_MS,
    tell(script, at) {
      const adapter = script.random.pick(ADAPTERS);
      const result = script.random.pick(['server', 'network', 'schema'] as const);
      const to = at + minutes(script.random.integer(45, 70));
      for (let ms = at; ms < to; ms += minutes(2)) {
        script.adapter(DEMITON, adapter, ms, 'ok', 5);
        script.adapter(DEMITON, adapter, ms + 1_000, result, script.random.integer(4, 8));
      }
      return { to };
    },
  },
  {
    name: 'a token is revoked',
    alerts: ['FleetIntegrationAuthFailing'],
    of: 'adapters',
    lengthMs: HOUR_MS,
    tell(script, at) {
      const adapter = script.random.pick(ADAPTERS);
      const to = at + minutes(script.random.integer(18, 30));
      for (let ms = at; ms < to; ms += MINUTE_MS) script.adapter(DEMITON, adapter, ms, 'auth', 1);
      script.adapter(DEMITON, adapter, to, 'ok', 3);
      return { to, silences: [{ source: DEMITON, kinds: ['adapter'], from: at - minutes(1), to }] };
    },
  },
  {
    name: 'a storm of errors',
    alerts: ['FleetErrorVolumeHigh', 'FleetErrorRateAboveBaseline', 'FleetNewErrorGroup'],
    leadMs: 1.1 * DAY_MS,
    lengthMs: 1.2 * HOUR_MS,
    tell(script, at) {
      const { random } = script;
      const component = random.pick(HANDLERS);
      script.event(at + 10_000, TINKER, 'errorGroup', {
        fingerprint: script.id('group'),
        component,
        title: 'TypeError',
        kind: random.pick(['new', 'regressed']),
        firstSeenAt: iso(at),
        lastSeenAt: iso(at + 5_000),
        count: 3,
      });
      script.errors(TINKER, component, at, at + minutes(4), random.integer(75, 140));
      const to = at + minutes(random.integer(35, 50));
      script.errors(TINKER, component, at + minutes(4), to, Math.round((to - at) / MINUTE_MS) * 4);
      return { to };
    },
  },
  {
    name: 'comments are not handled',
    alerts: ['FleetCriticalPathFailing'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      script.errors(TINKER, script.random.pick(CRITICAL), at, at + minutes(4), script.random.integer(4, 9));
      return { to: at + minutes(14) };
    },
  },
  {
    name: 'an address asks too much',
    alerts: ['FleetRateLimitSustained'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      const count = script.random.integer(16, 40);
      for (let i = 0; i < count; i++)
        script.rateLimited(TINKER, at + script.random.between(0, minutes(4)), 'ip', undefined);
      return { to: at + minutes(10) };
    },
  },
  {
    name: 'one repository is limited again and again',
    alerts: ['FleetRepoRateLimitedRepeatedly'],
    lengthMs: 2 * HOUR_MS,
    tell(script, at) {
      for (let i = 0; i < 5; i++)
        script.rateLimited(
          TINKER,
          at + i * minutes(9) + script.random.between(0, minutes(2)),
          'repo',
          INFRA.project,
          2,
        );
      return { to: at + HOUR_MS };
    },
  },
  {
    name: 'Redis is gone',
    alerts: ['FleetStoreDown', 'FleetStoreErrors'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      const to = at + minutes(script.random.integer(8, 20));
      const kind = script.random.pick(['connection', 'timeout'] as const);
      for (let ms = at; ms < to; ms += MINUTE_MS / 2)
        script.event(ms, TINKER, 'store', {
          store: 'redis',
          at: iso(ms),
          up: false,
          error: { kind, message: 'redis does not answer' },
        });
      script.event(to, TINKER, 'store', { store: 'redis', at: iso(to), up: true, error: null });
      return { to, redisDown: [{ from: at, to }] };
    },
  },
  {
    name: 'the cache is too small',
    alerts: ['FleetCacheHitRateLow', 'FleetCacheEvictions', 'FleetCacheMemoryHigh'],
    lengthMs: 2 * HOUR_MS,
    tell(script, at) {
      const { random } = script;
      const to = at + minutes(random.integer(60, 80));
      const cache = [];
      for (let ms = at; ms < to; ms += minutes(4))
        cache.push({
          at: ms,
          hits: random.integer(40, 70),
          misses: random.integer(240, 300),
          evictions: random.integer(3, 40),
          memoryBytes: 600 * 2 ** 20,
        });
      cache.push({ at: to, hits: 300, misses: 3, evictions: 0, memoryBytes: USUAL_CACHE_BYTES });
      return { to: to + minutes(15), cache, redisDown: [] };
    },
  },
  {
    name: 'a persona gets worse',
    alerts: ['FleetQualityDrop', 'FleetQualityThresholdMissed'],
    leadMs: 3 * DAY_MS,
    lengthMs: 8 * HOUR_MS,
    tell(script, at) {
      const { random } = script;
      for (let startMs = at; startMs < at + 4 * HOUR_MS; startMs += random.between(minutes(10), minutes(20)))
        script.run(TOOLS, {
          startMs,
          durationMs: minutes(6),
          quality: { composite: random.integer(38, 55), thresholdMet: false },
        });
      return { to: at + 8 * HOUR_MS };
    },
  },
  {
    name: 'a pull request waits for CI',
    alerts: ['FleetPullRequestBlockedOnCi'],
    lengthMs: 4 * HOUR_MS,
    tell(script, at) {
      const { random } = script;
      const url = `https://github.com/acme/shop/pull/${random.integer(1, 9_999)}`;
      const { runId } = script.run(SHOP, {
        startMs: at,
        durationMs: minutes(5),
        pullRequest: { url, status: 'created', createdAt: iso(at + minutes(5)) },
      });
      const blockedMs = at + minutes(9);
      const to = blockedMs + minutes(random.integer(75, 150));
      const say = (ms: number, status: string, more: object) =>
        script.event(ms, COURIER, 'run', {
          runId,
          pullRequest: { url, status, createdAt: iso(at + minutes(5)), ...more },
        });
      say(blockedMs, 'blocked_on_ci', { blockedSince: iso(blockedMs) });
      say(to, 'merged', { mergedAt: iso(to) });
      return { to };
    },
  },
  {
    name: 'pull requests cannot be made',
    alerts: ['FleetPullRequestFailing'],
    lengthMs: 2 * HOUR_MS,
    tell(script, at) {
      for (let i = 0; i < script.random.integer(4, 7); i++)
        script.run(SHOP, {
          startMs: at + i * minutes(5),
          durationMs: minutes(4),
          pullRequest: { status: 'failed', error: 'git push: remote rejected' },
        });
      return { to: at + HOUR_MS };
    },
  },
  {
    name: 'a chain of sprints fails',
    alerts: ['FleetSprintChainFailed'],
    lengthMs: 2 * HOUR_MS,
    tell(script, at) {
      const chainId = script.id('chain');
      const endMs = at + minutes(script.random.integer(20, 50));
      const names = { chainId, project: SHOP.project, workflow: 'feature', sprintCount: 2 };
      script.event(at, COURIER, 'chain', { ...names, status: 'running', createdAt: iso(at) });
      script.event(endMs, COURIER, 'chain', {
        ...names,
        status: 'failed',
        failedSprintIndex: 1,
        finishedAt: iso(endMs),
        sprints: [
          { index: 0, status: 'succeeded' },
          { index: 1, status: 'failed' },
        ],
      });
      return { to: endMs + minutes(30) };
    },
  },
  {
    name: 'sandboxes are not provisioned',
    alerts: ['FleetSandboxProvisioningFailing'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      for (let i = 0; i < script.random.integer(4, 8); i++) {
        const ms = at + script.random.between(0, minutes(8));
        script.event(ms, COURIER, 'sandbox', {
          sandboxId: script.id('sandbox'),
          project: TOOLS.project,
          status: 'error',
          createdAt: iso(ms),
          endedAt: iso(ms),
          error: { surface: 'sandbox', category: 'other', message: 'no capacity' },
        });
      }
      return { to: at + minutes(23) };
    },
  },
  {
    name: 'runs leave nothing behind',
    alerts: ['FleetArtifactsMissing'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      for (let i = 0; i < script.random.integer(4, 7); i++)
        script.run(INFRA, { startMs: at + i * minutes(3), durationMs: minutes(2), noArtifacts: true });
      return { to: at + minutes(50) };
    },
  },
  {
    name: 'nobody says what runs cost',
    alerts: ['FleetUsageMissing'],
    lengthMs: 2 * HOUR_MS,
    tell(script, at) {
      for (let i = 0; i < script.random.integer(6, 10); i++)
        script.run(LAB, { startMs: at + i * minutes(4), durationMs: minutes(3), usageMissing: true });
      return { to: at + 1.7 * HOUR_MS };
    },
  },
  {
    name: 'a persona that nobody uses',
    alerts: ['FleetPersonaUnused'],
    lengthMs: 8 * HOUR_MS,
    tell(script, at, month) {
      const persona = 'veteran';
      script.event(month.startMs + 3_000, COURIER, 'persona', {
        persona,
        project: SHOP.project,
        lastUsedAt: iso(at - 30 * DAY_MS),
      });
      const to = at + script.random.integer(3, 7) * HOUR_MS;
      script.event(to, COURIER, 'persona', { persona, project: SHOP.project, archivedAt: iso(to) });
      return { to };
    },
  },
  {
    name: 'a source does not answer',
    alerts: ['FleetSourceStale'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      const to = at + minutes(script.random.integer(11, 40));
      return { to, outages: [{ of: 'source', source: CRUCIBLE, from: at, to }] };
    },
  },
  {
    name: 'handlers with names of their own',
    alerts: ['FleetSeriesFolded'],
    lengthMs: 1.5 * HOUR_MS,
    tell(script, at) {
      for (let i = 0; i < script.random.integer(12, 16); i++)
        script.errors(TINKER, `handler-${script.random.token(8)}`, at, at + minutes(10), 1);
      return { to: at + 1.2 * HOUR_MS };
    },
  },
  {
    name: 'a sender falls silent',
    alerts: ['FleetIngestSilent'],
    leadMs: DAY_MS,
    lengthMs: 4 * HOUR_MS,
    tell(script, at) {
      const to = at + minutes(script.random.integer(100, 200));
      return { to, silences: [{ source: HOOKS, from: at, to }] };
    },
  },
  {
    name: 'pushes are refused',
    alerts: ['FleetIngestRefused'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      const to = at + minutes(script.random.integer(6, 10));
      for (let ms = at; ms < to; ms += 20_000)
        script.happenings.push({ what: 'refused', at: ms, source: DEMITON, count: script.random.integer(1, 30) });
      return { to };
    },
  },
  {
    name: 'records that cannot be read',
    alerts: ['FleetDeadLetters'],
    lengthMs: 2 * HOUR_MS,
    tell(script, at) {
      const to = at + minutes(script.random.integer(25, 80));
      script.happenings.push({ what: 'deadLetters', at, source: CRUCIBLE, count: script.random.integer(1, 4) });
      script.happenings.push({ what: 'deadLetters', at: to, source: CRUCIBLE, count: 0 });
      return { to };
    },
  },
  {
    name: 'the ledger is gone',
    alerts: ['FleetLedgerDown'],
    isAlone: true,
    lengthMs: HOUR_MS,
    tell(script, at) {
      const to = at + minutes(script.random.integer(5, 9));
      return { to, outages: [{ of: 'ledger', from: at, to }] };
    },
  },
  {
    name: 'the ledger does not add up',
    alerts: ['FleetLedgerMismatch'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      const to = at + minutes(script.random.integer(20, 50));
      script.happenings.push({ what: 'verified', at, mismatches: script.random.integer(1, 9) });
      script.happenings.push({ what: 'verified', at: to, mismatches: 0 });
      return { to };
    },
  },
  {
    name: 'one replica of two is gone',
    alerts: ['FleetReplicaDown'],
    lengthMs: HOUR_MS,
    tell(script, at) {
      const to = at + minutes(script.random.integer(10, 20));
      const replica = REPLICAS[1];
      script.happenings.push({ what: 'restart', at: to, replica });
      return { to, outages: [{ of: 'replica', replica, from: at, to }] };
    },
  },
  {
    name: 'the exporter is gone',
    alerts: ['FleetExporterDown'],
    isAlone: true,
    lengthMs: HOUR_MS,
    tell(script, at) {
      const to = at + minutes(script.random.integer(6, 10));
      for (const replica of REPLICAS) script.happenings.push({ what: 'restart', at: to, replica });
      return { to, outages: REPLICAS.map((replica) => ({ of: 'replica', replica, from: at, to })) };
    },
  },
];
