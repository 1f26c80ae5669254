import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Counter, Gauge } from 'prom-client';
import type { Config } from '../../config.ts';
import type { PartState } from '../healthRegistry.ts';
import type { Limit, LimitStore, Taken } from './limitStore.ts';
import { MemoryStore } from './memoryStore.ts';
import { RedisStore } from './redisStore.ts';

export type RateLimitConfig = Config['rate_limit'];

/** As in fleet_rate_limited_total: the client's address; the source and project that a request is about. */
const LAYERS = ['ip', 'repo'] as const;
export type Layer = (typeof LAYERS)[number];

/** What a request is about; an empty text where it does not say. */
export interface Subject {
  readonly source: string;
  readonly project: string;
}

/** What a limit said of a request. */
export interface Verdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
  /** What was found too often, of what and how to get past it; only of what is refused. */
  readonly reason: string;
}

/** At once where the counters are in memory; undefined where nothing was counted. */
export type Answer = Verdict | undefined | Promise<Verdict | undefined>;

export interface RateLimitsDeps {
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** fleetlens_rate_limited_total */
  readonly limited: Counter;
  /** fleetlens_rate_limit_store_up */
  readonly storeUp: Gauge;
}

/** Different wrong credentials of one address in a window. */
const MAX_WRONG_CREDENTIALS = 100;
/** Subjects of one request that have counters of their own; further ones share one. */
const MAX_SUBJECTS = 50;
const OTHERS: Subject = { source: '__other__', project: '__other__' };
/** Longer names (a query may hold 16 KiB) are counted by their hash. */
const MAX_KEY_LENGTH = 400;
/** What is remembered beside the counters, keys that are full and credentials that were wrong; then it begins anew. */
const MAX_REMEMBERED = 10_000;

/**
 * The limits on requests to this exporter, in two layers: by client, and by the source and project that a request is about. A window is
 * fixed: it begins with the first request and forgets all of them at its end.
 *
 * Own counters rather than a library: rate-limiter-flexible keeps a timer for each address in memory, without a bound;
 * fastify-rate-limit checks one key a call, after the route guard, and hides that Redis is away.
 */
export class RateLimits {
  readonly #deps: RateLimitsDeps;
  #config: RateLimitConfig;
  #store: LimitStore;
  /** Full counters and when their window ends (performance.now): they are refused without asking the store again. */
  readonly #full = new Map<string, number>();
  /** Wrong credentials that were counted: a client that sends an old one again and again guesses nothing. */
  readonly #counted = new Set<string>();

  private constructor(config: RateLimitConfig, store: LimitStore, deps: RateLimitsDeps) {
    this.#config = config;
    this.#store = store;
    this.#deps = deps;
  }

  static async open(config: RateLimitConfig, deps: RateLimitsDeps): Promise<RateLimits> {
    // Else increase() would not see the first refusal.
    for (const layer of LAYERS) deps.limited.inc({ layer }, 0);
    return new RateLimits(config, await openStore(config, deps), deps);
  }

  /** Applies a changed configuration. Counters in memory begin anew. */
  async reload(config: RateLimitConfig): Promise<void> {
    const before = this.#store;
    this.#store = await openStore(config, this.#deps);
    this.#config = config;
    this.#full.clear();
    before.close();
  }

  close(): void {
    this.#store.close();
  }

  /** For /health. */
  health(): PartState {
    if (!(this.#store instanceof RedisStore)) return { status: 'ok', detail: 'counted in memory' };
    if (this.#store.isUp) return { status: 'ok', detail: 'counted in Redis' };
    return { status: 'degraded', detail: 'Redis does not answer; requests are allowed unchecked' };
  }

  /** Counts a request of `client`. */
  takeClient(client: string): Answer {
    return this.#take('ip', [`ip:${client}`], this.#config.max);
  }

  /** Counts a request once for each different subject. */
  takeSubjects(action: 'read' | 'push', subjects: Iterable<Subject>): Answer {
    const keys = subjectKeys(action, subjects);
    return keys.length === 0 ? undefined : this.#take('repo', keys, this.#config.project_max);
  }

  /** Counts credentials of `client` that were refused. */
  countWrongCredentials(client: string, credentials: string): void {
    const digest = createHash('sha256').update(`${client} ${credentials}`).digest('base64');
    if (this.#counted.has(digest)) return;
    if (this.#counted.size >= MAX_REMEMBERED) this.#counted.clear();
    this.#counted.add(digest);
    const key = wrongKey(client);
    const limit = this.#limit(this.#maxWrong());
    const note = (taken: Taken | undefined) => {
      if (taken !== undefined && taken.remaining === 0) this.#noteFull('ip', key, taken.resetMs, limit);
    };
    const taken = this.#store.take([key], limit);
    if (taken instanceof Promise) void taken.then(note);
    else note(taken);
  }

  /** @returns why nothing of `client` is heard now: it sent too many wrong credentials. Asks no store. */
  refuseGuesser(client: string): Verdict | undefined {
    // No text is put together for a request while nothing is full.
    if (this.#full.size === 0) return undefined;
    const key = wrongKey(client);
    const resetMs = this.#fullFor(key);
    return resetMs === undefined ? undefined : this.#refusal('ip', key, resetMs, this.#limit(this.#maxWrong()));
  }

  #take(layer: Layer, keys: readonly string[], max: number): Answer {
    const limit = this.#limit(max);
    if (this.#full.size > 0) {
      for (const key of keys) {
        const resetMs = this.#fullFor(key);
        if (resetMs !== undefined) return this.#refusal(layer, key, resetMs, limit);
      }
    }
    const taken = this.#store.take(keys, limit);
    return taken instanceof Promise
      ? taken.then((answer) => answer && this.#judge(layer, answer, limit))
      : this.#judge(layer, taken, limit);
  }

  #judge(layer: Layer, { allowed, key, remaining, resetMs }: Taken, limit: Limit): Verdict {
    if (allowed) return { allowed, limit: limit.max, remaining, resetMs, reason: '' };
    this.#noteFull(layer, key, resetMs, limit);
    return this.#refusal(layer, key, resetMs, limit);
  }

  #refusal(layer: Layer, key: string, resetMs: number, { max, windowMs }: Limit): Verdict {
    this.#deps.limited.inc({ layer });
    const seconds = Math.ceil(resetMs / 1000);
    const reason = `found more than ${max} ${nameOf(key)} within ${windowMs / 1000} s; ask again in ${seconds} s`;
    return { allowed: false, limit: max, remaining: 0, resetMs, reason };
  }

  /** Said once a window, by the replica that saw it first; each refusal is counted. */
  #noteFull(layer: Layer, key: string, resetMs: number, { max, windowMs }: Limit): void {
    if (this.#fullFor(key) === undefined) {
      this.#deps.log.warn({ layer, max, windowMs }, `rate limit reached: ${max} ${nameOf(key)}`);
    }
    if (this.#full.size >= MAX_REMEMBERED) this.#full.clear(); // the store still knows
    this.#full.set(key, performance.now() + resetMs);
  }

  #fullFor(key: string): number | undefined {
    const endsAt = this.#full.get(key);
    if (endsAt === undefined) return undefined;
    const resetMs = endsAt - performance.now();
    if (resetMs > 0) return resetMs;
    this.#full.delete(key);
    return undefined;
  }

  #limit(max: number): Limit {
    return { max, windowMs: this.#config.window };
  }

  #maxWrong(): number {
    return Math.min(this.#config.max, MAX_WRONG_CREDENTIALS);
  }
}

async function openStore(config: RateLimitConfig, { log, storeUp }: RateLimitsDeps): Promise<LimitStore> {
  const { redis_host: host, redis_port: port, redis_password: password } = config;
  if (host === undefined) {
    storeUp.remove();
    return new MemoryStore();
  }
  storeUp.set(1);
  return RedisStore.open({
    host,
    port,
    ...(password === undefined ? {} : { password }),
    onState(failure) {
      storeUp.set(failure === undefined ? 1 : 0);
      if (failure === undefined) log.info({ host, port }, 'rate limits: Redis answers again');
      else log.warn({ host, port, err: failure }, 'rate limits: Redis does not answer; requests are allowed unchecked');
    },
  });
}

/** One for each different subject. A body may hold thousands of events, so that a key is put together once for each. */
function subjectKeys(action: 'read' | 'push', subjects: Iterable<Subject>): string[] {
  const keys: string[] = [];
  const seen = new Map<string, Set<string>>();
  for (const { source, project } of subjects) {
    const projects = seen.get(source);
    if (projects?.has(project)) continue;
    if (keys.length === MAX_SUBJECTS) return [...keys, subjectKey(action, OTHERS)];
    if (projects === undefined) seen.set(source, new Set([project]));
    else projects.add(project);
    keys.push(subjectKey(action, { source, project }));
  }
  return keys;
}

function subjectKey(action: 'read' | 'push', { source, project }: Subject): string {
  const key = `repo:${action}:${source}:${project}`;
  if (key.length <= MAX_KEY_LENGTH) return key;
  return `repo:${action}:sha256:${createHash('sha256').update(key).digest('hex')}`;
}

function wrongKey(client: string): string {
  return `wrong:${client}`;
}

/** What a key counts, in the words of its answer. */
function nameOf(key: string): string {
  const [kind, ...rest] = key.split(':');
  if (kind === 'ip') return `requests of ${rest.join(':')}`;
  if (kind === 'wrong') return `different wrong credentials of ${rest.join(':')}`;
  const [action, source, ...project] = rest;
  const about = [source && `source ${source}`, project.join(':') && `project ${project.join(':')}`].filter(Boolean);
  return `${action === 'push' ? 'pushes' : 'reads'} of ${about.join(' and ') || 'nothing in particular'}`;
}
