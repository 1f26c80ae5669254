import { SECOND } from '../calendar.ts';
import { failureOf, usualFailure } from '../failures.ts';
import type { Random } from '../random.ts';
import { dateOf, instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { HANDLERS, REPOSITORIES, REQUESTS } from './requests.ts';

/** The platform's own formula: tokens x 0.002 / 1000. */
const USD_PER_TOKEN = 0.000_002;
const MODEL = 'gpt-5-mini';

/** Tells a run that a comment, a pull request or the web page asked for: a minute of work, a diff, artifacts. */
export function tellTinkerRun(world: World, story: Story, runId: string, createdMs: number): void {
  const random = world.random('tinker run', runId);
  const repository = random.weighted(REPOSITORIES.map(([name, share]) => [name, share] as const));
  const handler = random.weighted(HANDLERS.map((h) => [h, h.share] as const));
  const [request, file] = random.pick(REQUESTS);
  const stamp = instantOf(createdMs).replace(/[-:]/g, '').replace(/\.\d+/, '');
  story.tell('run', createdMs, `${runId}/created`, {
    runId,
    project: repository,
    name: request,
    origin: handler.origin,
    workflow: handler.workflow,
    model: MODEL,
    provider: 'openai',
    promptPreview: request,
    prompt: `${request}.\nChange only what is needed and explain the change in one paragraph.`,
    metadata: { prNumber: random.integer(12, 940), requestId: random.uuid() },
    status: 'running',
    rawStatus: 'running',
    createdAt: instantOf(createdMs),
    startedAt: instantOf(createdMs),
    attempts: 1,
    links: { source: `https://github.com/${repository}` },
  });

  const seconds = Math.min(900, random.logNormal(48, 0.6));
  const endMs = Math.round(createdMs + seconds * SECOND);
  const failed = random.chance(0.07);
  const error = failed ? failureOf(random, 'run', usualFailure(random), file) : undefined;
  const tokens = random.chance(0.95) ? Math.round(random.logNormal(14_000, 0.6)) : undefined;
  tellOutput(world, story, random, runId, createdMs, endMs, request, file, error?.message);
  const changes = {
    filesChanged: random.integer(1, 5),
    linesAdded: random.integer(1, 120),
    linesRemoved: random.integer(0, 60),
  };
  const costUsd = tokens === undefined ? undefined : Math.round(tokens * USD_PER_TOKEN * 1e6) / 1e6;
  const diskFull = world.incidents.at('artifacts_disk_full', endMs) !== undefined;
  const names = failed
    ? ['payload.json', 'run.json']
    : [
        'payload.json',
        'run.json',
        'agent-run/prompt.txt',
        'agent-run/diff.patch',
        'agent-run/files_changed.json',
        'agent-run/pr_comment.txt',
        'agent-run/summary.md',
        'agent-run/commit_sha.txt',
      ];
  const status = error?.category === 'timeout' && random.chance(0.5) ? 'timed_out' : failed ? 'failed' : 'succeeded';
  story.tell('run', endMs, `${runId}/finished`, {
    runId,
    status,
    rawStatus: failed ? 'failed' : 'succeeded',
    finishedAt: instantOf(endMs),
    exitCode: failed ? random.pick([1, 1, 124, 137]) : 0,
    counts: failed ? undefined : changes,
    commitSha: failed ? undefined : random.hex(40),
    artifacts:
      diskFull || random.chance(0.01)
        ? []
        : names.map((name) => ({ name, path: `artifacts/${stamp}/${name}`, bytes: random.integer(60, 48_000) })),
    error,
    costUsd,
    usageMissing: tokens === undefined,
    links: {
      source: `https://github.com/${repository}`,
      ...(failed ? { sentry: `https://sentry.example/issues/?query=run_id:${runId}` } : {}),
    },
  });
  if (tokens !== undefined) {
    story.tell('usage', endMs, `usage/${runId}`, {
      usageId: `usage_${runId}`,
      project: repository,
      runId,
      service: 'openai',
      date: dateOf(endMs),
      quantity: tokens,
      unit: 'tokens',
      costUsd,
      model: MODEL,
      durationSeconds: Math.round(seconds),
    });
  }
}

function tellOutput(
  world: World,
  story: Story,
  random: Random,
  runId: string,
  fromMs: number,
  toMs: number,
  request: string,
  file: string,
  failure: string | undefined,
): void {
  const tell = (to: Story, ms: number, seq: number, role: 'user' | 'assistant' | 'stdout' | 'error', text: string) =>
    to.tell('output', ms, `out/${runId}/${seq}`, {
      runId,
      seq,
      at: instantOf(ms),
      role,
      text,
      state: role === 'error' ? 'error' : 'completed',
    });
  tell(story, fromMs, 0, 'user', `@gittinkerer ${request}`);
  tell(
    story,
    (fromMs + toMs) / 2,
    100,
    'stdout',
    `\u001b[36m[git]\u001b[0m ${file} | ${random.integer(1, 40)} \u001b[32m${'+'.repeat(random.integer(1, 12))}\u001b[31m${'-'.repeat(random.integer(0, 6))}\u001b[0m\n`,
  );
  if (failure === undefined)
    tell(
      story,
      toMs - 300,
      900,
      'assistant',
      `Done: ${request.toLowerCase()}. The change is in \`${file}\`; nothing else depended on the old text.`,
    );
  else tell(story, toMs - 300, 900, 'error', failure);
  if (!world.fine) return;
  story.later(fromMs, toMs, `out/${runId}/fine`, (live) => {
    const gap = (toMs - fromMs) / 8;
    for (let i = 1; i < 8; i++) {
      if (i !== 4)
        tell(live, fromMs + gap * i, i * 10, 'stdout', `[agent] ${i <= 4 ? 'reading' : 'editing'} ${file} (${i}/7)\n`);
    }
  });
}
