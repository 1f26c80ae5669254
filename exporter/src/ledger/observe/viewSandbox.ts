import { categoryOf } from '../../contract/errorCategories.ts';
import { SANDBOX_OPEN_STATUSES } from '../../contract/status.ts';
import { type Fact, label, type Part, type RecordView, type View } from './recordView.ts';
import { pullRequestFacts, pullRequestParts } from './viewPullRequest.ts';

export const viewSandbox: View<'sandbox'> = (sandbox, context): RecordView => {
  const { source, status } = sandbox;
  if (sandbox.countedBy !== undefined) return { facts: [], parts: [] };
  const project = label(sandbox.project);
  const scope = [source, project];
  const facts: Fact[] = [{ family: 'fleet_sandboxes_created_total', key: 'created', labels: scope }];
  const parts: Part[] = [];
  if ((SANDBOX_OPEN_STATUSES as readonly (string | undefined)[]).includes(status)) {
    parts.push({ family: 'fleet_sandboxes', labels: [...scope, status as string], value: 1 });
  }
  const { error, learningExtractionError } = sandbox;
  if (error !== undefined) {
    const surface = error.surface ?? 'sandbox';
    const stage = surface === 'learning_extraction' ? surface : sandbox.startedAt === undefined ? 'provision' : 'run';
    facts.push({ family: 'fleet_sandbox_errors_total', key: 'error', labels: [...scope, stage] });
    facts.push({
      family: 'fleet_run_errors_total',
      key: 'error',
      labels: [...scope, surface, error.category ?? 'other'],
    });
  }
  if (learningExtractionError !== undefined) {
    facts.push({ family: 'fleet_sandbox_errors_total', key: 'learning', labels: [...scope, 'learning_extraction'] });
    facts.push({
      family: 'fleet_run_errors_total',
      key: 'learning',
      labels: [...scope, 'learning_extraction', categoryOf(learningExtractionError)],
    });
  }
  // The pull request of a sandbox that belongs to a run is counted with the run.
  if (sandbox.runId === undefined) {
    facts.push(...pullRequestFacts(sandbox.pullRequest, undefined, source, project));
    parts.push(...pullRequestParts(sandbox.pullRequest, undefined, source, project, context.stampOf('pullRequest')));
  }
  return { facts, parts, births: [{ family: 'fleet_sandboxes', labels: [...scope, 'running'] }] };
};
