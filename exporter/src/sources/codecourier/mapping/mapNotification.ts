import type { PulledRecord } from '../../../contract/events.ts';
import { NOTIFICATION_TYPES } from '../../../contract/records.ts';
import { defined, definedOrNothing } from '../../rows/textValues.ts';
import type { DocumentFields } from './documentFields.ts';
import { type MapContext, recordAt } from './mapContext.ts';

export function mapNotification(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  const word = fields.text('type');
  const type = NOTIFICATION_TYPES.find((known) => known === word);
  if (word !== undefined && type === undefined) context.onWord('notifications.type', word);
  return [
    {
      kind: 'notification',
      data: defined({
        notificationId: fields.id('_id', 'id'),
        project: context.directory.projectOf(fields.name('projectId')),
        user: fields.name('userId', 'user'),
        type,
        title: fields.text('title', 'message'),
        runId: fields.name('runId'),
        chainId: fields.name('chainId'),
        createdAt: fields.instant('createdAt', '_creationTime'),
        readAt: fields.instant('readAt') ?? since(fields, context, 'read', 'isRead'),
        dismissedAt: fields.instant('dismissedAt') ?? since(fields, context, 'dismissed', 'isDismissed'),
        attributes: definedOrNothing({ ...fields.rest(), rawType: type === undefined ? word : undefined }),
      }),
      ...recordAt(context),
    },
  ];
}

/** A flag without a time: it was set when the document last changed, where that is known. The flag itself stays an attribute. */
function since(fields: DocumentFields, context: MapContext, ...names: string[]): string | undefined {
  return fields.peek(...names) === true ? context.at : undefined;
}
