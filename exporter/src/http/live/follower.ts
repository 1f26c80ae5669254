import { rolesFrom } from '../../config/roles.ts';
import { recordListOf } from '../../contract/api.ts';
import type { ChangeEvent, Topic } from '../../contract/live.ts';
import { formatPosition, isAfter, isRecordTopic, type Position } from '../../contract/topics.ts';
import type { LedgerChange } from '../../ledger/changes/readChanges.ts';
import type { Principal } from '../auth.ts';
import { HttpError } from '../httpError.ts';
import { notificationUsers } from '../notificationUsers.ts';

/** Who follows which topics, and what of them they may see: what the routes of the same records answer. */
export interface Follower {
  readonly topics: readonly Topic[];
  /** undefined: all. */
  readonly projects: readonly string[] | undefined;
  /** Whose notifications; undefined: everybody's. */
  readonly users: readonly string[] | undefined;
}

const ADMINS = rolesFrom('admin');

/** @throws HttpError 403 where a topic is not for who asks. */
export function followerOf(topics: readonly Topic[], principal: Principal): Follower {
  for (const { name } of topics) {
    if (name === 'runs' || name === 'budgets' || isRecordTopic(name)) continue;
    const isAdmin = principal.kind === 'local' || ADMINS.some((role) => role === principal.role);
    if (recordListOf(name).access === 'admin' && !isAdmin) {
      const message = `topics: found ${name} asked for by "${principal.name}" of role ${principal.role}, expected one of ${ADMINS.join(', ')}`;
      throw new HttpError(403, 'forbidden', message);
    }
  }
  const hasNotifications = topics.some(({ name }) => name === 'notifications');
  return {
    topics: distinct(topics),
    projects: principal.projects,
    users: hasNotifications ? notificationUsers(principal, undefined) : undefined,
  };
}

/** A topic that is named twice goes on from the earlier place. */
function distinct(topics: readonly Topic[]): Topic[] {
  const found = new Map<string, Topic>();
  for (const topic of topics) {
    const other = found.get(topic.text);
    if (other?.after === undefined || (topic.after !== undefined && isAfter(other.after, topic.after)))
      found.set(topic.text, other === undefined || topic.after !== undefined ? topic : other);
  }
  return [...found.values()];
}

function maySee({ projects, users }: Follower, change: LedgerChange): boolean {
  if (projects !== undefined && !change.projects.some((project) => projects.includes(project))) return false;
  if (users === undefined || change.data.kind !== 'notification') return true;
  return change.user !== undefined && users.includes(change.user);
}

/** @returns what of a change a follower is told; undefined: nothing. */
export function tell(follower: Follower, change: LedgerChange): ChangeEvent | undefined {
  const topics = follower.topics
    .filter(
      ({ text, after }) => change.topics.includes(text) && (after === undefined || isAfter(change.position, after)),
    )
    .map(({ text }) => text);
  if (topics.length === 0 || !maySee(follower, change)) return undefined;
  // What readChanges says of an event of this name.
  return { id: formatPosition(change.position), event: change.event, data: { topics, ...change.data } } as ChangeEvent;
}

/** @returns the topics as they go on from a place: what is behind of one is behind. */
export function goOnFrom(follower: Follower, position: Position): Follower {
  const topics = follower.topics.map((topic) => ({
    ...topic,
    after: topic.after !== undefined && isAfter(topic.after, position) ? topic.after : position,
  }));
  return { ...follower, topics };
}
