import type { RunRecord } from '../../contract/records.ts';
import { HOUR, MINUTE, SECOND } from '../calendar.ts';
import { failureMessage } from '../failures.ts';
import type { Random } from '../random.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { tellAudit } from './audit.ts';
import { PEOPLE } from './fleet.ts';
import { tellNotification } from './notify.ts';
import type { RunPlan } from './runPlan.ts';

type Ci = NonNullable<RunRecord['ci']>;
type PullRequest = NonNullable<RunRecord['pullRequest']>;

const CHECKS = ['Build', 'Unit Tests', 'Lint', 'E2E Tests'] as const;

/** The checks of a pull request; every round of GitHub's is another check run, with a URL of its own. */
function checksOf(random: Random, project: string, atMs: number, conclusions: readonly (string | undefined)[]): Ci {
  const failing = conclusions.some((c) => c === 'failure' || c === 'timed_out');
  return {
    status: conclusions.includes(undefined) ? 'pending' : failing ? 'failing' : 'passing',
    checkedAt: instantOf(atMs),
    checks: CHECKS.map((name, i) => {
      const conclusion = conclusions[i];
      return {
        name,
        status: conclusion === undefined ? 'in_progress' : 'completed',
        conclusion,
        url: `https://github.com/${project}/actions/runs/${random.integer(10 ** 9, 10 ** 10)}/job/${random.integer(10 ** 10, 10 ** 11)}`,
      };
    }),
  };
}

function failedRound(random: Random): (string | undefined)[] {
  const conclusions: string[] = ['success', 'success', 'success', 'success'];
  const broken = random.weighted([
    [3, 5],
    [1, 4],
    [2, 2],
    [0, 1],
  ] as const);
  conclusions[broken] = broken === 3 && random.chance(0.2) ? 'timed_out' : 'failure';
  if (broken === 0) conclusions[3] = 'skipped';
  return conclusions;
}

/**
 * Tells what becomes of a succeeded run's pull request: opened (or not), checked, perhaps blocked, merged or closed.
 * @returns its URL, where it was opened.
 */
export function tellPullRequest(world: World, story: Story, plan: RunPlan, endMs: number): string | undefined {
  const random = world.random('pull request', plan.runId);
  const { runId } = plan;
  const project = plan.project.name;
  const who = { runId, project };
  const openedMs = endMs + random.between(6, 25) * SECOND;
  const tell = (ms: number, what: string, pullRequest: PullRequest, ci?: Ci) =>
    story.tell('run', ms, `${runId}/pr/${what}`, { runId, pullRequest, ci });

  if (random.chance(0.035)) {
    const category = random.weighted([
      ['git_push', 6],
      ['api_key', 1],
      ['validation', 2],
    ] as const);
    tell(openedMs, 'failed', { status: 'failed', error: failureMessage(random, category, runId.slice(-8)) });
    tellNotification(story, random, openedMs + SECOND, {
      type: 'pr_failed',
      ...who,
      title: `No pull request for ${plan.name}`,
    });
    return undefined;
  }

  const number = random.integer(210, 9800);
  const opened: PullRequest = {
    url: `https://github.com/${project}/pull/${number}`,
    number,
    status: 'created',
    createdAt: instantOf(openedMs),
  };
  tell(openedMs, 'created', opened, checksOf(random, project, openedMs, [undefined, undefined, undefined, undefined]));
  tellNotification(story, random, openedMs + SECOND, {
    type: 'pr_created',
    ...who,
    title: `Pull request #${number}: ${plan.name}`,
  });

  let checkedMs = openedMs + random.logNormal(6 * MINUTE, 0.4);
  const blockade = world.incidents.at('ci_blocked', checkedMs, project);
  if (random.chance(blockade === undefined ? 0.11 : 0.9)) {
    tell(
      checkedMs,
      'blocked',
      { ...opened, status: 'blocked_on_ci', blockedSince: instantOf(checkedMs) },
      checksOf(random, project, checkedMs, failedRound(random)),
    );
    const repairMs = random.logNormal(32 * MINUTE, 0.6);
    checkedMs = Math.max(checkedMs, blockade?.toMs ?? 0) + Math.min(6 * HOUR, repairMs);
    if (random.chance(0.12)) {
      tell(checkedMs + random.between(8, 20) * HOUR, 'closed', { ...opened, status: 'closed' });
      return opened.url;
    }
  }
  tell(
    checkedMs,
    'passing',
    opened,
    checksOf(random, project, checkedMs, [
      'success',
      'success',
      'success',
      random.chance(0.08) ? 'neutral' : 'success',
    ]),
  );

  if (random.chance(0.07)) {
    tell(checkedMs + random.between(8, 30) * HOUR, 'closed', { ...opened, status: 'closed' });
    return opened.url;
  }
  const mergedMs = checkedMs + Math.min(30 * HOUR, random.logNormal(75 * MINUTE, 1));
  tell(mergedMs, 'merged', { ...opened, status: 'merged', mergedAt: instantOf(mergedMs) });
  tellNotification(story, random, mergedMs + SECOND, {
    type: 'pr_merged',
    ...who,
    title: `Merged #${number}: ${plan.name}`,
  });
  tellAudit(story, random, mergedMs, {
    actor: `${random.pick(PEOPLE)}@acme.example`,
    action: 'pr_merge',
    project,
    target: `${project}#${number}`,
    request: { method: 'squash', pullRequest: opened.url },
  });
  return opened.url;
}
