import { arrivals, DAY, HOUR, MINUTE, OFFICE, weekOf, weekStart } from '../calendar.ts';
import type { Random } from '../random.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { ERROR_TITLES, REPOSITORIES } from './requests.ts';

const ERRORS_A_DAY = 9;

function fingerprintOf(component: string, title: string, week = 0): string {
  return `${component}:${title.split(':')[0]}${week === 0 ? '' : `:${week}`}`;
}

function tellError(story: Story, random: Random, ms: number, component: string, title: string, week = 0): void {
  const errorId = random.uuid().replaceAll('-', '');
  story.tell('platformError', ms, errorId, {
    errorId,
    component,
    project: random.weighted(REPOSITORIES.map(([name, share]) => [name, share] as const)),
    level: random.chance(0.1) ? 'fatal' : 'error',
    message: title,
    fingerprint: fingerprintOf(component, title, week),
    requestId: random.uuid(),
    at: instantOf(ms),
  });
}

/** Tells the errors that the service logged on a day: a few on any day, a burst in an incident, and what is new this week. */
export function tellPlatformErrors(world: World, story: Story, day: number): void {
  const random = world.random('errors', day);
  for (const ms of arrivals(random, day, ERRORS_A_DAY * world.scale, OFFICE)) {
    const [component, title] = random.pick(ERROR_TITLES);
    tellError(story, random, ms, component, title);
  }
  for (const incident of world.incidents.onDay('handler_errors', day)) {
    const week = weekOf(incident.fromMs);
    const title = `DeployError: ${incident.target} was called without a payload (build ${week})`;
    tellGroup(story, incident.fromMs, 'new', incident.target, title, week, 1, incident.fromMs);
    const count = random.integer(70, 110);
    for (let i = 0; i < count; i++) {
      tellError(story, random, random.between(incident.fromMs, incident.toMs), incident.target, title, week);
    }
    tellGroup(story, incident.toMs, 'new', incident.target, title, week, count, incident.fromMs);
  }
  tellRegressedGroup(world, story, day);
}

/** Once a week an old error comes back. */
function tellRegressedGroup(world: World, story: Story, day: number): void {
  const week = weekOf(day * DAY);
  const random = world.random('regressed', week);
  const ms = weekStart(week) + random.integer(0, 4) * DAY + random.between(8, 18) * HOUR;
  if (Math.floor(ms / DAY) !== day) return;
  const [component, title] = random.pick(ERROR_TITLES);
  tellGroup(story, ms, 'regressed', component, title, week, random.integer(2, 9), ms - 40 * DAY);
}

function tellGroup(
  story: Story,
  ms: number,
  kind: 'new' | 'regressed',
  component: string,
  title: string,
  week: number,
  count: number,
  firstMs: number,
): void {
  const fingerprint = fingerprintOf(component, title, week);
  story.tell('errorGroup', ms, `group/${fingerprint}/${Math.round(ms)}`, {
    fingerprint,
    component,
    title,
    kind,
    firstSeenAt: instantOf(firstMs),
    lastSeenAt: instantOf(ms),
    count,
    url: `https://sentry.example/issues/${encodeURIComponent(fingerprint)}`,
  });
}

/** Tells who was limited: a handful on any day, a repository that floods the webhook in an incident. */
export function tellRateLimits(world: World, story: Story, day: number): void {
  const random = world.random('limits', day);
  const tell = (ms: number, project: string, layer: 'ip' | 'repo', limited: boolean) =>
    story.tell('rateLimit', ms, `limit/${layer}/${project}/${Math.round(ms)}`, {
      project,
      layer,
      at: instantOf(ms),
      limited,
      limit: 5,
      remaining: limited ? 0 : 1,
      resetAt: instantOf(ms + MINUTE),
    });
  for (const ms of arrivals(random, day, 5 * world.scale, OFFICE)) {
    const limited = random.chance(0.5);
    tell(ms, random.pick(REPOSITORIES)[0], random.chance(0.4) ? 'ip' : 'repo', limited);
  }
  for (const incident of world.incidents.onDay('webhook_flood', day)) {
    for (let ms = incident.fromMs; ms < incident.toMs; ms += random.between(8, 25) * 1000) {
      tell(ms, incident.target, random.chance(0.2) ? 'ip' : 'repo', true);
    }
  }
}
