import { olderThan } from '../steps.ts';
import { DAY_MS, MINUTE_MS } from '../world.ts';
import { atLeast, type Evidence, groups, oldestOf, once, text, time } from './evidence.ts';

/** Approvals, chains of sprints, sandboxes and personas. */
export function judgeWork({ say, of }: Evidence): void {
  for (const [labels, some] of groups(of('approval'), ({ source, data }) => ({
    source,
    project: text(data.project),
    workflow: text(data.workflow),
  }))) {
    const sla = Number(some[0]?.data.slaSeconds);
    if (Number.isNaN(sla)) continue;
    const decided = new Map(
      some
        .filter(({ data }) => data.decidedAt !== undefined)
        .map(({ data }) => [data.approvalId, time(data.decidedAt)]),
    );
    const pending = some
      .filter(({ data }) => data.decidedAt === undefined)
      .map(({ data }) => ({
        since: time(data.requestedAt),
        from: time(data.requestedAt),
        to: decided.get(data.approvalId) ?? Infinity,
      }));
    say('FleetApprovalSlaBreached', labels, olderThan(oldestOf(pending), sla * 1_000));
  }
  for (const [labels, some] of groups(
    of('chain').filter(({ data }) => data.status === 'failed'),
    ({ source, data }) => ({ source, project: text(data.project) }),
  ))
    say(
      'FleetSprintChainFailed',
      labels,
      atLeast(
        some.map(({ saidAt }) => once(saidAt)),
        1,
        30 * MINUTE_MS,
      ),
    );
  for (const [labels, some] of groups(
    of('sandbox').filter(({ data }) => data.error !== undefined && data.startedAt === undefined),
    ({ source, data }) => ({ source, project: text(data.project) }),
  ))
    say(
      'FleetSandboxProvisioningFailing',
      labels,
      atLeast(
        some.map(({ saidAt }) => once(saidAt)),
        3,
        15 * MINUTE_MS,
      ),
    );
  for (const [labels, some] of groups(of('persona'), ({ source, data }) => ({
    source,
    project: text(data.project),
    persona: text(data.persona),
  })))
    say(
      'FleetPersonaUnused',
      labels,
      olderThan(
        some.map(({ saidAt, data }) => ({
          at: saidAt,
          value: data.archivedAt === undefined ? time(data.lastUsedAt) : undefined,
        })),
        30 * DAY_MS,
      ),
    );
}
