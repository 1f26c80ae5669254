import type { Kind, RecordOf } from '../../contract/records.ts';
import { type Merged, stampOf } from '../mergeEvent.ts';
import { splitKey } from '../observe/attempts.ts';
import type { Counted } from '../observe/observe.ts';

/** What is known of a record when the times of its facts are asked for. */
export interface DatedRecord extends Merged {
  /** Time of its newest event, RFC 3339. */
  readonly at: string;
}

type Doc<K extends Kind> = RecordOf<K>;
type TimeOf<K extends Kind> = (
  doc: Doc<K>,
  stem: string,
  stamp: (field: string) => string | undefined,
) => string | undefined;

const DAY_END = 'T23:59:59.000Z';

function pullRequestTime(
  { pullRequest, ci }: { readonly pullRequest?: Doc<'run'>['pullRequest']; readonly ci?: Doc<'run'>['ci'] },
  stem: string,
  stamp: (field: string) => string | undefined,
): string | undefined {
  if (stem.startsWith('check:')) return ci?.checkedAt ?? stamp('ci');
  if (stem === 'pr_merged' || stem === 'pr_merge') return pullRequest?.mergedAt ?? stamp('pullRequest');
  if (stem === 'pr_created') return pullRequest?.createdAt ?? stamp('pullRequest');
  return stem.startsWith('pr_') ? stamp('pullRequest') : undefined;
}

/** `sprint:3:run-9` -> the end of sprint 3. */
function sprintTime({ sprints = [] }: Doc<'chain'>, stem: string): string | undefined {
  const index = Number(stem.split(':')[1]);
  return sprints.find((sprint) => sprint.index === index)?.finishedAt;
}

/** When a fact happened, by its name in the views of ../observe; undefined: when the record's newest event did. */
const TIMES: { readonly [K in Kind]?: TimeOf<K> } = {
  run(run, stem, stamp) {
    if (stem === 'created') return run.createdAt ?? run.startedAt;
    if (stem === 'queue') return run.startedAt;
    if (stem === 'lost') return stamp('status');
    return pullRequestTime(run, stem, stamp) ?? run.finishedAt ?? stamp('status');
  },
  step: (step, stem, stamp) =>
    (stem === 'verdict' ? stamp('verdict') : undefined) ?? step.finishedAt ?? stamp('status'),
  chain: (chain, stem, stamp) => {
    if (stem.startsWith('sprint:') || stem.startsWith('duration:')) return sprintTime(chain, stem) ?? stamp('sprints');
    return chain.finishedAt ?? stamp('status');
  },
  sandbox(sandbox, stem, stamp) {
    if (stem === 'created') return sandbox.createdAt ?? sandbox.startedAt;
    if (stem === 'learning') return stamp('learningExtractionError');
    return pullRequestTime(sandbox, stem, stamp) ?? sandbox.endedAt ?? stamp('error');
  },
  usage({ date }, _stem, stamp) {
    const told = stamp('costUsd') ?? stamp('quantity') ?? stamp('inputTokens');
    // A day is all that the platform says; when it was told is nearer where it was told on that day.
    return date === undefined || told?.startsWith(date) ? told : `${date}${DAY_END}`;
  },
  job(job, stem) {
    if (stem === 'enqueued') return job.enqueuedAt;
    return stem === 'wait' ? job.startedAt : job.finishedAt;
  },
  errorGroup: (group) => (group.kind === 'regressed' ? group.lastSeenAt : group.firstSeenAt),
  approval: (approval) => approval.decidedAt,
  notification: (notification) => notification.createdAt,
  audit: (audit) => audit.at,
  adapter: (adapter) => adapter.at,
  rateLimit: (limit) => limit.at,
  platformError: (error) => error.at,
};

/** @returns when a counted fact happened, milliseconds since the epoch: the record's own time, never after `nowMs`. */
export function factTimeMs(kind: Kind, record: DatedRecord, { key }: Pick<Counted, 'key'>, nowMs: number): number {
  const { stem, attempt } = splitKey(key);
  const { doc } = record;
  // An earlier attempt had ended before this one began; its own end is not kept.
  const isEarlier = attempt !== undefined && typeof doc.attempts === 'number' && attempt < doc.attempts;
  // The document was validated against the contract of its kind.
  const timeOf = TIMES[kind] as TimeOf<Kind> | undefined;
  const time =
    isEarlier && typeof doc.startedAt === 'string'
      ? doc.startedAt
      : timeOf?.(doc as Parameters<typeof timeOf>[0], stem, (field) => stampOf(record, field)?.[0]);
  return Math.min(nowMs, Date.parse(time ?? record.at));
}
