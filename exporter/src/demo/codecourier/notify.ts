import type { RecordOf } from '../../contract/records.ts';
import { HOUR, MINUTE } from '../calendar.ts';
import type { Random } from '../random.ts';
import { instantOf, type Story } from '../story.ts';
import { PEOPLE } from './fleet.ts';

type NotificationType = NonNullable<RecordOf<'notification'>['type']>;

/** Tells a notification, and that it was read or dismissed where its user did so. */
export function tellNotification(
  story: Story,
  random: Random,
  ms: number,
  about: {
    readonly type: NotificationType;
    readonly project: string;
    readonly title: string;
    readonly user?: string | undefined;
    readonly runId?: string | undefined;
    readonly chainId?: string | undefined;
  },
): void {
  const notificationId = `ntf_${random.token(16)}`;
  const user = about.user ?? random.pick(PEOPLE);
  story.tell('notification', ms, `${notificationId}/created`, {
    notificationId,
    ...about,
    user,
    createdAt: instantOf(ms),
  });
  if (!random.chance(0.4)) return;
  const readMs = ms + Math.min(10 * HOUR, random.logNormal(12 * MINUTE, 1.1));
  story.tell('notification', readMs, `${notificationId}/read`, { notificationId, readAt: instantOf(readMs) });
  if (random.chance(0.2)) {
    const dismissedMs = readMs + random.between(2_000, 60_000);
    story.tell('notification', dismissedMs, `${notificationId}/dismissed`, {
      notificationId,
      dismissedAt: instantOf(dismissedMs),
    });
  }
}
