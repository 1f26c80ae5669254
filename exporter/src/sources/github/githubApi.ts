import type { Octokit } from '@octokit/core';
import { RequestError } from '@octokit/request-error';
import type { Logger } from 'pino';
import { z } from 'zod';
import { BUILD } from '../../version.ts';
import { HostedError } from '../hostedError.ts';
import type { SourceResult } from '../source.ts';
import type { GithubConfig } from './config.ts';
import { type GraphqlProblem, graphqlError, toGithubError } from './githubError.ts';

/** An answer, or that nothing is there, or that nothing changed since the ETag. */
export type Answer<T> =
  | { readonly found: T; readonly etag: string | undefined; readonly hasNext: boolean; readonly at: Date }
  | 'missing'
  | 'unchanged';

export type Parameters = Readonly<Record<string, string | number>>;

export interface CallOptions {
  readonly signal: AbortSignal;
  countRequest(result: SourceResult): void;
}

interface GetOptions<T> extends CallOptions {
  /** For messages: `pull request acme/app#7`. */
  readonly what: string;
  /** Of the part of the answer that is read. */
  readonly type: z.ZodType<T>;
  /** Of the answer that is known. */
  readonly etag?: string | undefined;
}

interface Response {
  readonly data: unknown;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
}

const graphqlAnswer = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z
    .array(
      z.object({
        type: z.string().optional(),
        message: z.string(),
        path: z.array(z.union([z.string(), z.number()])).optional(),
      }),
    )
    .optional(),
});

/**
 * Calls to GitHub through its own SDK, without its plugins that wait and try again: the poller does both, for all sources, and
 * within the time that a page may take.
 */
export class GithubApi {
  readonly #config: GithubConfig;
  readonly #log: Logger;
  readonly #graphqlUrl: string;
  #octokit: Promise<Octokit> | undefined;
  /** What is left of each of GitHub's quotas (core, graphql, …). */
  readonly #remaining = new Map<string, number>();

  constructor(config: GithubConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
    const isEnterpriseServer = /\/api\/v3$/.test(config.base_url);
    this.#graphqlUrl = isEnterpriseServer ? config.base_url.replace(/\/v3$/, '/graphql') : `${config.base_url}/graphql`;
  }

  /** Calls left of the quota that is nearest to its end; undefined before the first answer, and where there are no limits. */
  get remaining(): number | undefined {
    return this.#remaining.size === 0 ? undefined : Math.min(...this.#remaining.values());
  }

  /**
   * Reads one page.
   * @throws HostedError
   */
  async get<T>(route: string, parameters: Parameters, options: GetOptions<T>): Promise<Answer<T>> {
    const { etag, what } = options;
    try {
      const { data, headers } = await this.#send(`GET ${route}`, parameters, options, {
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
      });
      const found = readAs(options.type, data, what);
      options.countRequest('ok');
      const said = new Date(String(headers.date));
      return {
        found,
        etag: typeof headers.etag === 'string' ? headers.etag : undefined,
        hasNext: /rel="next"/.test(String(headers.link ?? '')),
        at: Number.isNaN(said.getTime()) ? new Date() : said,
      };
    } catch (error) {
      // The SDK throws both; neither is a failure.
      const status = error instanceof RequestError && error.response !== undefined ? error.status : undefined;
      if (status === 304) {
        options.countRequest('ok');
        return 'unchanged';
      }
      if (status === 404 || status === 410) {
        options.countRequest('other');
        return 'missing';
      }
      throw this.#failed(error, what, options);
    }
  }

  /**
   * Asks by GraphQL. Parts that are not there or not allowed are told beside the others.
   * @throws HostedError where there is no answer at all
   */
  async query(
    query: string,
    variables: Parameters,
    options: CallOptions & { readonly what: string },
  ): Promise<{ data: Readonly<Record<string, unknown>>; problems: readonly GraphqlProblem[]; at: Date }> {
    const { what } = options;
    try {
      const { data: body, headers } = await this.#send(`POST ${this.#graphqlUrl}`, { query, variables }, options, {});
      const { data, errors: problems = [] } = readAs(graphqlAnswer, body, what);
      const isLimited = problems.some(({ type }) => type === 'RATE_LIMITED' || type === 'RATE_LIMIT');
      if (data === undefined || data === null || isLimited) throw graphqlError(problems, headers, what);
      options.countRequest('ok');
      const said = new Date(String(headers.date));
      return { data, problems, at: Number.isNaN(said.getTime()) ? new Date() : said };
    } catch (error) {
      throw this.#failed(error, what, options);
    }
  }

  async #send(
    route: string,
    parameters: Readonly<Record<string, unknown>>,
    { signal, what }: CallOptions & { readonly what: string },
    headers: Readonly<Record<string, string>>,
  ): Promise<Response> {
    signal.throwIfAborted();
    const octokit = await this.#open();
    const { data, headers: said } = await octokit.request(route, { ...parameters, headers, request: { signal } });
    // The SDK gives back the text where it is no JSON, and none where the answer broke off.
    if (typeof data === 'string') {
      signal.throwIfAborted();
      if (data === '') throw new HostedError(`${what}: the answer broke off before its end`, 'network');
      const found = JSON.stringify(data.slice(0, 80));
      throw new HostedError(
        `${what}: found ${found}, expected JSON; see whether base_url names GitHub's API`,
        'schema',
      );
    }
    return { data, headers: said };
  }

  #failed(error: unknown, what: string, { signal, countRequest }: CallOptions): HostedError {
    const failure = toGithubError(signal.aborted && !(error instanceof HostedError) ? signal.reason : error, what);
    countRequest(failure.result);
    return failure;
  }

  #open(): Promise<Octokit> {
    this.#octokit ??= this.#create();
    return this.#octokit;
  }

  async #create(): Promise<Octokit> {
    // 30 ms and 5 MB that an exporter without GitHub need not pay.
    const { Octokit } = await import('@octokit/core');
    const log = this.#log;
    const octokit = new Octokit({
      baseUrl: this.#config.base_url,
      auth: this.#config.api_key,
      userAgent: `fleetlens/${BUILD.version}`,
      log: {
        debug: (message: string) => log.trace(message),
        info: (message: string) => log.debug(message),
        warn: (message: string) => log.warn(message),
        error: (message: string) => log.warn(message),
      },
    });
    octokit.hook.after('request', ({ headers }) => this.#noteQuota(headers));
    octokit.hook.error('request', (error) => {
      if (error instanceof RequestError && error.response !== undefined) this.#noteQuota(error.response.headers);
      throw error;
    });
    return octokit;
  }

  #noteQuota(headers: Response['headers']): void {
    const remaining = Number(headers['x-ratelimit-remaining'] ?? Number.NaN);
    if (Number.isInteger(remaining)) this.#remaining.set(String(headers['x-ratelimit-resource'] ?? 'core'), remaining);
  }
}

function readAs<T>(type: z.ZodType<T>, data: unknown, what: string): T {
  const parsed = type.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new HostedError(
    `${what}: ${issue?.path.join('.')}: ${issue?.message}; GitHub's answer has another shape than expected`,
    'schema',
    {
      cause: parsed.error,
    },
  );
}
