import type { Logger } from 'pino';
import type { PollContext, PulledRecord } from '../../source.ts';
import { SourceError } from '../../source.ts';
import type { ServiceConfig } from '../config.ts';
import { mapRateLimits } from './rateLimitAnswer.ts';
import { askService, resultOf, type ServiceAnswer, waitMs } from './serviceClient.ts';
import { mapHealth, serviceDown } from './serviceHealth.ts';

/** Where a service that limits us does not say for how long. */
const DEFAULT_RETRY_MS = 60_000;

/**
 * The service about itself. It lets each address ask five times a minute, so it is asked on an interval of its own, and less often
 * while it refuses. That it is down is what is read here, no failure of reading.
 */
export class ServiceReadings {
  readonly config: ServiceConfig;
  readonly #readElsewhere: ReadonlySet<string>;
  readonly #log: Logger;
  #notBeforeMs = 0;
  #lastLimits: string | undefined;
  #warned = false;

  constructor(config: ServiceConfig, readElsewhere: ReadonlySet<string>, log: Logger) {
    this.config = config;
    this.#readElsewhere = readElsewhere;
    this.#log = log;
  }

  /** @throws SourceError where the answer is none of a health endpoint, or it refuses the token. */
  async *read(context: PollContext): AsyncGenerator<readonly PulledRecord[]> {
    // Half a second early is in time: polls are jittered.
    if (performance.now() + 500 < this.#notBeforeMs) return;
    this.#notBeforeMs = performance.now() + this.config.interval;
    const health = await this.#health(context);
    if (health === 'refused') return;
    yield health;
    if (this.config.rate_limit_path !== null) yield await this.#limits(this.config.rate_limit_path, context);
  }

  async #health(context: PollContext): Promise<readonly PulledRecord[] | 'refused'> {
    const path = this.config.health_path;
    let answer: ServiceAnswer;
    try {
      answer = await askService(this.config, path, context.signal);
    } catch (error) {
      if (context.signal.aborted || !(error instanceof SourceError)) throw error;
      context.countRequest(error.result);
      if (error.result !== 'network') throw error;
      this.#log.debug({ err: error }, 'the service does not answer');
      return [serviceDown(this.config, error.message, new Date().toISOString())];
    }
    if (this.#isRefused(answer, context)) return 'refused';
    const at = new Date().toISOString();
    const records = mapHealth(answer, this.config, this.#readElsewhere, at);
    if (records !== undefined) {
      // A service that says by 503 that it is not well has answered.
      context.countRequest('ok');
      return records;
    }
    const result = resultOf(answer.status);
    if (result === 'server') {
      context.countRequest('server');
      return [serviceDown(this.config, `HTTP ${answer.status} without a health answer`, at)];
    }
    throw this.#drift(path, answer, context, 'an object with a status');
  }

  async #limits(path: string, context: PollContext): Promise<readonly PulledRecord[]> {
    let answer: ServiceAnswer;
    try {
      answer = await askService(this.config, path, context.signal);
    } catch (error) {
      if (context.signal.aborted || !(error instanceof SourceError)) throw error;
      context.countRequest(error.result);
      if (error.result !== 'network') throw error;
      // It was told by its health.
      return [];
    }
    if (this.#isRefused(answer, context)) return [];
    const result = resultOf(answer.status);
    if (result === 'server') {
      context.countRequest('server');
      return [];
    }
    const records = result === 'ok' ? mapRateLimits(answer, new Date().toISOString()) : undefined;
    if (records === undefined) {
      // Its shape is not documented, and everything else can be read without it.
      const drift = this.#drift(path, answer, context, 'limit and remaining');
      this.#log[this.#warned ? 'debug' : 'warn'](
        { err: drift },
        'set service.rate_limit_path, or null to leave it out',
      );
      this.#warned = true;
      return [];
    }
    context.countRequest('ok');
    // The same reading again would only fill the ledger.
    const told = JSON.stringify(records.map(({ data }) => ({ ...data, at: undefined })));
    if (told === this.#lastLimits) return [];
    this.#lastLimits = told;
    return records;
  }

  /** 429: says nothing of the service's health, and the other parts of the source are not held up by it. */
  #isRefused(answer: ServiceAnswer, context: PollContext): boolean {
    const remaining = answer.headers.get('x-ratelimit-remaining');
    if (remaining !== null && /^\d+$/.test(remaining)) context.quotaRemaining(Number(remaining));
    if (answer.status !== 429) return false;
    context.countRequest('rate_limit');
    const askedMs = waitMs(answer, Date.now()) ?? DEFAULT_RETRY_MS;
    this.#notBeforeMs = performance.now() + Math.max(askedMs, this.config.interval);
    this.#log.warn({ retryAfterSeconds: askedMs / 1000 }, 'the service limits our requests; raise service.interval');
    return true;
  }

  #drift(path: string, answer: ServiceAnswer, context: PollContext, expected: string): SourceError {
    const result = resultOf(answer.status);
    const kind = result === 'ok' || result === 'other' ? 'schema' : result;
    context.countRequest(kind);
    const found =
      answer.body === undefined ? 'no JSON object' : `the fields ${Object.keys(answer.body).slice(0, 8).join(', ')}`;
    const remedy = kind === 'auth' ? 'set service.token' : 'check service.url and the paths';
    return new SourceError(`${path}: found HTTP ${answer.status} with ${found}, expected ${expected}; ${remedy}`, {
      result: kind,
    });
  }
}
