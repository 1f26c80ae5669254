import type { Logger } from 'pino';
import type { OpenPullRequest } from '../../ledger/openPullRequests.ts';
import { HostedError } from '../hostedError.ts';
import { type PollContext, type PollPage, type PulledRecord, SourceError } from '../source.ts';
import { BATCH_SIZE } from './batchQuery.ts';
import type { GithubConfig } from './config.ts';
import { type Cursor, digestOf, digestOfSaid, readCursor } from './followed.ts';
import type { CallOptions, GithubApi } from './githubApi.ts';

import { lookAt, type Seen } from './lookAt.ts';
import { keyOf, type PullRequestRef, refOf, repositoryOf } from './pullRequestRef.ts';
import { readBatch } from './readBatch.ts';

/** A pull request that the token cannot see is asked for again after so long: rights are granted late. */
const MISSING_AGAIN_MS = 60 * 60_000;
/** So many in a row that GitHub did not answer for, and the rest of the poll is spared. */
const MAX_FAILURES_IN_A_ROW = 3;

/** A pull request and the runs that made it. */
interface Target {
  readonly key: string;
  readonly ref: PullRequestRef;
  readonly runs: readonly OpenPullRequest[];
}

/** One poll: what is new in batches, then what is followed, the one not looked at for longest first. */
export class PullRequestPoll {
  readonly #config: GithubConfig;
  readonly #api: GithubApi;
  readonly #log: Logger;
  /** When each was looked at, milliseconds; a poll that stops early goes on where it stopped. */
  readonly #looked = new Map<string, number>();
  readonly #warned = new Set<string>();

  constructor(config: GithubConfig, api: GithubApi, log: Logger) {
    this.#config = config;
    this.#api = api;
    this.#log = log;
  }

  async *poll(from: unknown, context: PollContext): AsyncGenerator<PollPage> {
    const targets = this.#targetsOf(await context.openPullRequests(this.#config.runs_of));
    const before = readCursor(from);
    const cursor: Cursor = { followed: {}, missing: {} };
    for (const { key } of targets) {
      const followed = before.followed[key];
      const missing = before.missing[key];
      if (followed !== undefined) cursor.followed[key] = followed;
      else if (missing !== undefined) cursor.missing[key] = missing;
    }
    for (const key of this.#looked.keys()) if (cursor.followed[key] === undefined) this.#looked.delete(key);
    const looks = new Looks(context, from);
    try {
      yield* this.#readNew(targets, cursor, looks);
      yield* this.#readFollowed(targets, cursor, looks);
    } finally {
      if (this.#api.remaining !== undefined) context.quotaRemaining(this.#api.remaining);
    }
    yield { records: [], cursor };
    looks.throwFailures();
  }

  /** Of pull requests that nobody asked for yet: one query for {@link BATCH_SIZE} of them. */
  async *#readNew(targets: readonly Target[], cursor: Cursor, looks: Looks): AsyncGenerator<PollPage> {
    const isDue = (asked: string | undefined) =>
      asked === undefined || Date.parse(asked) + MISSING_AGAIN_MS <= looks.context.startedAt.getTime();
    const fresh = targets.filter(({ key }) => cursor.followed[key] === undefined && isDue(cursor.missing[key]));
    const batches = Array.from({ length: Math.ceil(fresh.length / BATCH_SIZE) }, (_, i) =>
      fresh.slice(i * BATCH_SIZE, (i + 1) * BATCH_SIZE),
    );
    let done = 0;
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const refs = batch.map(({ ref }) => ref);
      const records: PulledRecord[] = [];
      try {
        const answers = await readBatch(this.#api, refs, this.#config.web_url, this.#call(looks.context));
        for (const [i, answer] of answers.entries()) {
          const target = batch[i] as Target;
          if (answer instanceof HostedError) looks.failed(answer);
          else if (answer === 'missing') this.#missing(target, cursor, looks.context);
          else records.push(...this.#seen(target, answer, cursor, looks.context));
          if (!(answer instanceof HostedError)) looks.worked(target.key);
        }
        done += batch.length;
      } catch (error) {
        const failure = looks.caught(error);
        // GitHub gives a query 10 s: a smaller one may do.
        const isSlow = failure.result === 'network' || failure.result === 'server';
        if (isSlow && batch.length > 5) {
          const half = Math.ceil(batch.length / 2);
          batches.unshift(batch.slice(0, half), batch.slice(half));
          looks.again();
        } else looks.failed(failure);
      }
      yield looks.page(records, cursor, { done, total: fresh.length });
      looks.stopIfPointless();
    }
  }

  async *#readFollowed(targets: readonly Target[], cursor: Cursor, looks: Looks): AsyncGenerator<PollPage> {
    const lookedAt = ({ key }: Target) => this.#looked.get(key) ?? 0;
    // Those that were read in a batch a moment ago wait for the next poll.
    const followed = targets
      .filter(({ key }) => cursor.followed[key] !== undefined && !looks.hasSeen(key))
      .sort((a, b) => lookedAt(a) - lookedAt(b));
    for (let i = 0; i < followed.length; i += this.#config.concurrency) {
      const chunk = followed.slice(i, i + this.#config.concurrency);
      const call = this.#call(looks.context);
      const answers = await Promise.allSettled(chunk.map((target) => this.#look(target, cursor, call)));
      const records: PulledRecord[] = [];
      for (const [n, answer] of answers.entries()) {
        const target = chunk[n] as Target;
        if (answer.status === 'rejected') {
          looks.failed(looks.caught(answer.reason));
          continue;
        }
        looks.worked(target.key);
        this.#looked.set(target.key, Date.now());
        if (answer.value === 'missing') this.#missing(target, cursor, looks.context);
        else if (answer.value === 'unchanged') records.push(...this.#renewed(target, looks.context));
        else records.push(...this.#seen(target, answer.value, cursor, looks.context));
      }
      yield looks.page(records, cursor);
      looks.stopIfPointless();
    }
  }

  async #look({ key, ref, runs }: Target, cursor: Cursor, call: CallOptions): Promise<Seen | 'unchanged' | 'missing'> {
    const known = cursor.followed[key];
    // Where the run's own source wrote over what GitHub had said, that has to be said again.
    const isStillSaid = known !== undefined && runs.every((run) => digestOf(run) === known.said);
    return await lookAt(this.#api, ref, isStillSaid ? known : undefined, call);
  }

  /** The records of what was seen, one for each run that does not say so yet. */
  #seen({ key, runs }: Target, seen: Seen, cursor: Cursor, context: PollContext): PulledRecord[] {
    const { pullRequest, ci, at, etags } = seen;
    const said = digestOfSaid(pullRequest, ci);
    const isFinal = pullRequest.status === 'merged' || pullRequest.status === 'closed';
    delete cursor.missing[key];
    delete cursor.followed[key];
    const hasRoom = Object.keys(cursor.followed).length < this.#config.max_followed;
    if (!isFinal && hasRoom)
      cursor.followed[key] = { sha: ci.headSha, said, ...(etags === undefined ? {} : { etags }) };
    return runs
      .filter(
        (run) =>
          isFinal ||
          digestOf(run) !== said ||
          isOld(run, this.#config.renew_checked_at, context) ||
          saysStatus(run, pullRequest),
      )
      .map((run) => ({
        kind: 'run',
        source: run.source,
        at: at.toISOString(),
        data: {
          runId: run.runId,
          pullRequest: { ...pullRequest, url: run.pullRequest.url ?? pullRequest.url },
          ci: { ...ci, checkedAt: at.toISOString() },
        },
      }));
  }

  /** Nothing changed, which is known as of now. */
  #renewed({ runs }: Target, context: PollContext): PulledRecord[] {
    const at = context.startedAt.toISOString();
    return runs
      .filter((run) => run.ci !== undefined && isOld(run, this.#config.renew_checked_at, context))
      .map(({ source, runId, ci }) => ({ kind: 'run', source, at, data: { runId, ci: { ...ci, checkedAt: at } } }));
  }

  #missing({ key }: Target, cursor: Cursor, context: PollContext): void {
    delete cursor.followed[key];
    cursor.missing[key] = context.startedAt.toISOString();
    this.#warnOnce(
      key,
      'GitHub does not show this pull request: it was deleted, or the token may not read its repository',
    );
  }

  #warnOnce(pullRequest: string, message: string): void {
    if (this.#warned.has(pullRequest) || this.#warned.size > 10_000) return;
    this.#warned.add(pullRequest);
    this.#log.warn({ pullRequest }, message);
  }

  /** A chunk of looks has to end before the poller loses patience with the page. */
  #call({ signal, countRequest }: PollContext): CallOptions {
    return { signal: AbortSignal.any([signal, AbortSignal.timeout(this.#config.timeout * 0.8)]), countRequest };
  }

  #targetsOf(open: readonly OpenPullRequest[]): Target[] {
    const { repositories, web_url: webUrl } = this.#config;
    const allowed = repositories && new Set(repositories.map((name) => name.toLowerCase()));
    const targets = new Map<string, { key: string; ref: PullRequestRef; runs: OpenPullRequest[] }>();
    for (const run of open) {
      const ref = refOf(run, webUrl);
      if (ref === undefined) {
        const named = run.pullRequest.url ?? `number ${run.pullRequest.number} of run ${run.runId}`;
        this.#warnOnce(
          named,
          `this is no pull request of ${webUrl}, or its repository is not known: it is not followed`,
        );
        continue;
      }
      if (allowed !== undefined && !allowed.has(repositoryOf(ref))) continue;
      const key = keyOf(ref);
      const target = targets.get(key);
      if (target === undefined) targets.set(key, { key, ref, runs: [run] });
      else target.runs.push(run);
    }
    return [...targets.values()];
  }
}

function isOld(run: OpenPullRequest, maxAgeMs: number, { startedAt }: PollContext): boolean {
  const checkedAt = run.ci?.checkedAt;
  return checkedAt === undefined || Date.parse(checkedAt) + maxAgeMs <= startedAt.getTime();
}

/** The status is not in the digest, since GitHub does not always say it. */
function saysStatus(run: OpenPullRequest, said: Seen['pullRequest']): boolean {
  return said.status !== undefined && said.status !== run.pullRequest.status;
}

/** How the looks of one poll went: one that failed holds up no other, until it is clear that none can work. */
class Looks {
  readonly context: PollContext;
  /** What was committed last: a page without records does not move it, so that it is not written. */
  #committed: unknown;
  #worked = 0;
  #inARow = 0;
  readonly #failures: HostedError[] = [];
  readonly #seen = new Set<string>();

  constructor(context: PollContext, cursor: unknown) {
    this.context = context;
    this.#committed = cursor;
  }

  hasSeen(key: string): boolean {
    return this.#seen.has(key);
  }

  page(records: readonly PulledRecord[], cursor: Cursor, progress?: PollPage['progress']): PollPage {
    if (records.length > 0) this.#committed = structuredClone(cursor);
    return { records, cursor: this.#committed ?? null, ...(progress === undefined ? {} : { progress }) };
  }

  worked(key: string): void {
    this.#seen.add(key);
    this.#worked += 1;
    this.#inARow = 0;
  }

  again(): void {
    this.#inARow = 0;
  }

  /** @throws what is no failure of GitHub's */
  caught(error: unknown): HostedError {
    if (this.context.signal.aborted || !(error instanceof HostedError)) throw error;
    return error;
  }

  failed(failure: HostedError): void {
    this.#failures.push(failure);
    // A repository that the token may not read says nothing of the next one.
    if (failure.result === 'network' || failure.result === 'server') this.#inARow += 1;
  }

  /** @throws HostedError */
  stopIfPointless(): void {
    const stopping = this.#failures.find(({ stops }) => stops);
    if (stopping !== undefined) throw stopping;
    if (this.#inARow >= MAX_FAILURES_IN_A_ROW) this.throwFailures();
  }

  /** @throws SourceError where a look failed */
  throwFailures(): void {
    const [first] = this.#failures;
    if (first === undefined) return;
    const others = this.#failures.length - 1;
    throw new SourceError(others === 0 ? first.message : `${first.message}; and ${others} more`, {
      result: first.result,
      partial: this.#worked > 0,
      cause: first,
    });
  }
}
