import type { ActionInput } from '../contract/actions.ts';
import { OWN_SOURCE } from '../contract/ownSource.ts';
import type { RecordOf } from '../contract/records.ts';
import { HttpError } from '../http/httpError.ts';
import { notificationUsers } from '../http/notificationUsers.ts';
import { findUnread, isInScope, type NotificationKey } from '../ledger/read/ownNotifications.ts';
import { recordEvents } from '../ledger/recordEvents.ts';
import { normaliseData } from '../normalise/normaliseEvent.ts';
import { type ActionContext, defineAction } from './action.ts';

/** Marks of one transaction; who has more unread ones says so again. */
const MOST_AT_ONCE = 10_000;

/** A person has read a notification. */
export const readNotification = defineAction({
  name: 'read_notification',
  role: 'viewer',
  summary: 'Mark a notification as read.',
  run: (context, input) => markOne(context, input, 'readAt'),
});

/** A person wants to see a notification no more. */
export const dismissNotification = defineAction({
  name: 'dismiss_notification',
  role: 'viewer',
  summary: 'Dismiss a notification.',
  run: (context, input) => markOne(context, input, 'dismissedAt'),
});

/** A person has read all their notifications. */
export const readAllNotifications = defineAction({
  name: 'read_all_notifications',
  role: 'viewer',
  summary: `Mark all unread notifications of a user as read, up to ${MOST_AT_ONCE} at once.`,
  async run(context, { user, project }) {
    const users = namedUsers(context, user);
    const scope = {
      users,
      visible: context.principal.projects,
      project: project === undefined ? undefined : [project],
    };
    const keys = await findUnread(context.tx.client, scope, MOST_AT_ONCE);
    await mark(context, keys, 'readAt');
    return { answer: { read: keys.length } };
  },
});

type Mark = 'readAt' | 'dismissedAt';

async function markOne(
  context: ActionContext,
  { source, notificationId, user }: ActionInput<'read_notification'>,
  field: Mark,
) {
  const { tx, principal } = context;
  const scope = { users: namedUsers(context, user), visible: principal.projects };
  const key = { source, key: notificationId };
  if (!(await isInScope(tx.client, scope, key))) {
    throw new HttpError(
      404,
      'not_found',
      `found no notification ${source}/${notificationId}, or none that you may see`,
    );
  }
  await mark(context, [key], field);
  const { readAt, dismissedAt } = (tx.working.get('notification', source, notificationId).state?.doc ?? {}) as Partial<
    RecordOf<'notification'>
  >;
  return { answer: { notification: { source, notificationId, readAt, dismissedAt } } };
}

/** A person has one inbox; a program says whose it means, so that it does not mark everybody's. */
function namedUsers({ principal }: ActionContext, user: string | undefined): readonly string[] | undefined {
  if (principal.kind !== 'user' && user === undefined) {
    throw new HttpError(400, 'invalid_input', 'user: found nothing, expected whose notifications are meant');
  }
  return notificationUsers(principal, user === undefined ? undefined : [user]);
}

/** By the merge rules, as any event: what the platform says later about the same field wins, what it said earlier does not. */
async function mark({ tx, at }: ActionContext, keys: readonly NotificationKey[], field: Mark): Promise<void> {
  await tx.begin([], [...new Set(keys.map(({ source }) => source))]);
  await tx.working.load('notification', keys);
  const events = keys
    .filter(({ source, key }) => tx.working.get('notification', source, key).state?.doc[field] === undefined)
    .map(({ source, key: notificationId }) => {
      const { key, fields } = normaliseData('notification', { notificationId, [field]: at }, at);
      return { id: OWN_SOURCE, source, kind: 'notification' as const, at, key, fields };
    });
  await recordEvents(events, tx.recording());
}
