import type { PulledRecord } from '../../../contract/events.ts';
import { defined, definedOrNothing } from '../../rows/textValues.ts';
import type { DocumentFields } from './documentFields.ts';
import { type MapContext, recordAt } from './mapContext.ts';
import { AUDIT_ACTION_WORDS, wordOf } from './words.ts';

/** Who did what, when, with the whole body of the request. An action without a word of the contract keeps its own. */
export function mapAudit(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  const word = fields.name('action', 'type', 'event');
  return [
    {
      kind: 'audit',
      data: defined({
        auditId: fields.id('_id', 'id'),
        actor: fields.text('actor', 'actorEmail', 'actorId', 'userId'),
        action: wordOf(AUDIT_ACTION_WORDS, word) ?? word,
        project: context.directory.projectOf(fields.name('projectId')),
        target: fields.text('target', 'targetId', 'resourceId'),
        at: fields.instant('timestamp', 'at', 'createdAt', '_creationTime'),
        request: fields.raw('requestBody', 'request', 'body'),
        attributes: definedOrNothing(fields.rest() ?? {}),
      }),
      ...recordAt(context),
    },
  ];
}
