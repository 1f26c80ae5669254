import type { PulledRecord } from '../../../contract/events.ts';
import { defined, definedOrNothing } from '../../rows/textValues.ts';
import type { BlueprintKind } from '../directory.ts';
import type { DocumentFields } from './documentFields.ts';
import type { MapContext, MapDocument } from './mapContext.ts';
import { recordAt } from './mapContext.ts';
import { weightsOf } from './readQuality.ts';

export const mapWorkflow: MapDocument = (fields, context) => mapBlueprint('workflows', 'workflow', fields, context);
export const mapPersona: MapDocument = (fields, context) => mapBlueprint('personas', 'persona', fields, context);

/** A workflow or a persona. Records are keyed by name: that is what labels show and budgets are set for. */
function mapBlueprint(
  table: BlueprintKind,
  kind: 'workflow' | 'persona',
  fields: DocumentFields,
  context: MapContext,
): readonly PulledRecord[] {
  const { directory } = context;
  const id = fields.id('_id', 'id');
  const said = fields.name('name') ?? id;
  const project = directory.projectOf(fields.name('projectId'));
  const weights = weightsOf(fields.raw('qualityWeights', 'scoreWeights', 'weights'));
  const threshold = fields.score('qualityThreshold', 'scoreThreshold', 'threshold');
  const lastUsedAt = fields.instant('lastUsedAt', 'lastRunAt');
  const archivedAt = fields.instant('archivedAt', 'deletedAt');
  const isArchived = archivedAt !== undefined || fields.peek('isArchived', 'archived') === true;
  const used = [lastUsedAt, directory.get(table, id)?.lastUsedAt]
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
  if (id !== undefined && said !== undefined) {
    directory.set(table, id, { name: said, ...defined({ project, weights, threshold, lastUsedAt: used }) });
  }
  return [
    {
      kind,
      data: defined({
        [kind]: said,
        project,
        name: said,
        version: fields.text('version'),
        lastUsedAt: used,
        archivedAt: archivedAt ?? (isArchived ? context.at : undefined),
        maxIterations: fields.count('maxIterations'),
        scoreWeights: weights,
        scoreThreshold: threshold,
        approvalSlaSeconds: fields.amount('approvalSlaSeconds'),
        attributes: definedOrNothing({ ...fields.rest(), [`${kind}Id`]: id === said ? undefined : id }),
      }),
      ...recordAt(context),
    },
  ];
}
