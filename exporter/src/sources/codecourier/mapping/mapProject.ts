import type { PulledRecord } from '../../../contract/events.ts';
import { defined } from '../../rows/textValues.ts';
import type { DocumentFields } from './documentFields.ts';
import { type MapContext, recordAt } from './mapContext.ts';

const REPOSITORY = /[/:]([^/:]+\/[^/]+?)(?:\.git)?\/?$/;

export function mapProject(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  const id = fields.id('_id', 'id');
  const name = fields.text('name');
  const repository = fields.name('githubRepoUrl', 'repositoryUrl');
  const slug = fields.peek('slug');
  const labels = {
    repository: repository === undefined ? undefined : REPOSITORY.exec(repository)?.[1],
    slug: typeof slug === 'string' && slug !== '' ? slug : undefined,
    name: name || undefined,
    id,
  };
  const project = labels[context.projectLabel] ?? labels.slug ?? labels.name ?? id;
  if (id !== undefined && project !== undefined) context.directory.setProject(id, project);
  return [
    {
      kind: 'project',
      data: defined({
        project,
        name,
        repository,
        attributes: { ...fields.rest(), ...(id === undefined ? {} : { projectId: id }) },
      }),
      ...recordAt(context),
    },
  ];
}

/** The counters that the platform keeps for its project overview. */
export function mapProjectCounters(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  // Of the counters' own document; the record is the project's.
  fields.id('_id', 'id');
  fields.instant('_creationTime', 'createdAt');
  return [
    {
      kind: 'project',
      data: defined({
        project: context.directory.projectOf(fields.name('projectId')),
        workflows: fields.count('totalWorkflows'),
        members: fields.count('totalMembers'),
        pendingInvitations: fields.count('pendingInvitations'),
        totalRuns: fields.count('totalRuns'),
        completedRuns: fields.count('completedRuns'),
        failedRuns: fields.count('failedRuns'),
        totalSandboxes: fields.count('totalSandboxes'),
        activeSandboxes: fields.count('activeSandboxes'),
        attributes: fields.rest(),
      }),
      ...recordAt(context),
    },
  ];
}

export function mapDailyStat(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  fields.id('_id', 'id');
  return [
    {
      kind: 'dailyStat',
      data: defined({
        project: context.directory.projectOf(fields.name('projectId')),
        date: fields.day('date', 'day'),
        sandboxesCreated: fields.count('sandboxesCreated'),
        runsCreated: fields.count('runsCreated'),
        runsCompleted: fields.count('runsCompleted'),
        runsFailed: fields.count('runsFailed'),
        iterations: fields.count('totalIterations', 'iterations'),
        workflowsCreated: fields.count('workflowsCreated'),
        attributes: fields.rest(),
      }),
      ...recordAt(context),
    },
  ];
}
