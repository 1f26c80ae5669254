import { CHAIN_FINISHED_STATUSES, CHAIN_OPEN_STATUSES, isFinished } from '../../contract/status.ts';
import { type Fact, label, type Part, type RecordView, secondsBetween, type View } from './recordView.ts';

/** A chain that is resumed is another attempt; its number is the sprint that it resumed from. */
export const viewChain: View<'chain'> = (chain, _context): RecordView => {
  const { source, status } = chain;
  const project = label(chain.project);
  const attempt = chain.resumeFromSprint ?? 0;
  const facts: Fact[] = [];
  const parts: Part[] = [];
  if ((CHAIN_OPEN_STATUSES as readonly (string | undefined)[]).includes(status)) {
    parts.push({ family: 'fleet_chains', labels: [source, project, status as string], value: 1 });
  }
  if ((CHAIN_FINISHED_STATUSES as readonly (string | undefined)[]).includes(status)) {
    facts.push({
      family: 'fleet_chains_finished_total',
      key: `finished#${attempt}`,
      field: 'status',
      labels: [source, project, status as string],
    });
  }
  for (const sprint of chain.sprints ?? []) {
    if (!isFinished(sprint.status)) continue;
    // A resumed sprint has another run, so it is counted again.
    const key = `${sprint.index}:${label(sprint.runId)}:`;
    facts.push({
      family: 'fleet_sprints_finished_total',
      key: `sprint:${key}`,
      labels: [source, project, sprint.status],
      passing: true,
      field: 'sprints',
    });
    const duration = secondsBetween(sprint.startedAt, sprint.finishedAt);
    if (duration !== undefined) {
      facts.push({
        family: 'fleet_sprint_duration_seconds',
        key: `duration:${key}`,
        labels: [source, project, sprint.status],
        value: duration,
        passing: true,
        field: 'sprints',
      });
    }
  }
  return {
    facts,
    parts,
    attempt,
    births: [
      { family: 'fleet_chains', labels: [source, project, 'running'] },
      { family: 'fleet_chains_finished_total', labels: [source, project, 'succeeded'] },
    ],
  };
};
