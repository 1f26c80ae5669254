import type { Logger } from 'pino';
import { z } from 'zod';
import { isObject } from '../../rows/textValues.ts';
import { SourceError } from '../../source.ts';
import { type CodeCourierConfig, DEFAULT_PATHS, type PathName } from '../config.ts';
import type { Document } from '../documents.ts';
import { ApiClient, type CallContext, type Query } from '../http/apiClient.ts';
import { ApiError } from '../http/apiFailure.ts';

const listAnswer = z.object({
  data: z.array(z.unknown()),
  nextCursor: z.string().nullish(),
  hasMore: z.boolean().optional(),
});

export interface ListPage {
  readonly documents: readonly Document[];
  /** Of the next page; undefined after the last one. */
  readonly next: string | undefined;
}

/** A default path that the platform does not have is tried again after this. */
const TRY_AGAIN_MS = 60 * 60_000;

/** CodeCourier's `/api/v1`. */
export class RestApi {
  readonly #client: ApiClient;
  readonly #config: CodeCourierConfig;
  readonly #log: Logger;
  readonly #missing = new Map<PathName, number>();
  /** Paths of documents that have answered with one. */
  readonly #works = new Set<PathName>();

  constructor(config: CodeCourierConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
    this.#client = new ApiClient({
      baseUrl: config.base_url,
      authorization: `Bearer ${config.api_key}`,
      timeoutMs: config.request_timeout,
      concurrency: config.concurrency,
      log,
    });
  }

  /** @returns undefined where the configuration or the platform has no such path. */
  pathOf(name: PathName): string | undefined {
    const configured = this.#config.paths[name];
    if (configured === null) return undefined;
    const missingSince = this.#missing.get(name);
    if (missingSince !== undefined && performance.now() - missingSince < TRY_AGAIN_MS) return undefined;
    return configured ?? DEFAULT_PATHS[name];
  }

  whoami(context: CallContext): Promise<unknown> {
    return this.#client.get('/whoami', {}, context);
  }

  /** One page of a list; undefined where there is no such list. */
  async list(
    name: PathName,
    cursor: string | undefined,
    context: CallContext,
    id?: string,
  ): Promise<ListPage | undefined> {
    const query = { limit: this.#config.page_size, cursor };
    const answer = await this.#get(name, query, context, id);
    if (answer === undefined) return undefined;
    if (Array.isArray(answer)) return { documents: answer.filter(isObject), next: undefined };
    const parsed = listAnswer.safeParse(answer);
    if (!parsed.success) throw this.#drifted(name, answer, '{"data":[…],"nextCursor":…,"hasMore":…}');
    const { data, nextCursor, hasMore } = parsed.data;
    if (hasMore === true && !nextCursor) throw this.#drifted(name, answer, 'a nextCursor where hasMore is true');
    return { documents: data.filter(isObject), next: hasMore === false ? undefined : (nextCursor ?? undefined) };
  }

  /** One document, bare or as `{"data":{…}}`; undefined where there is no such path. */
  async document(name: PathName, context: CallContext): Promise<Document | undefined> {
    return this.#documentIn(name, await this.#get(name, {}, context));
  }

  /** One document by its id; `gone` where the platform answers 404, undefined where the configuration has no such path. */
  async item(name: PathName, id: string, context: CallContext): Promise<Document | 'gone' | undefined> {
    const path = this.pathOf(name);
    if (path === undefined) return undefined;
    try {
      const document = this.#documentIn(name, await this.#call(path, {}, context, id));
      this.#works.add(name);
      return document;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 410)) return 'gone';
      throw error;
    }
  }

  /**
   * Tells "no such document" from "no such path", which both answer 404: asks for a document that is in the list.
   * @param listedId undefined: the list is empty, so a document that is not there is gone whatever the path
   */
  async hasItems(name: PathName, listedId: string | undefined, context: CallContext): Promise<boolean> {
    if (this.#works.has(name) || listedId === undefined) return true;
    if ((await this.item(name, listedId, context)) !== 'gone') return this.#works.has(name);
    this.#isAbsent(name, undefined);
    return false;
  }

  async #get(name: PathName, query: Query, context: CallContext, id?: string): Promise<unknown> {
    const path = this.pathOf(name);
    if (path === undefined) return undefined;
    try {
      const answer = await this.#call(path, query, context, id);
      this.#missing.delete(name);
      return answer;
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 405)) throw error;
      this.#isAbsent(name, error);
      return undefined;
    }
  }

  #call(path: string, query: Query, context: CallContext, id = ''): Promise<unknown> {
    const [bare = path, parameters = ''] = path.replace('{id}', encodeURIComponent(id)).split('?', 2);
    return this.#client.get(bare, { ...Object.fromEntries(new URLSearchParams(parameters)), ...query }, context);
  }

  /** A default is a guess, so its absence is told once and passed over; a path that somebody wrote down has to exist. */
  #isAbsent(name: PathName, error: ApiError | undefined): void {
    const path = this.#config.paths[name] ?? DEFAULT_PATHS[name];
    if (this.#config.paths[name] != null) {
      throw (
        error ??
        new SourceError(
          `${path}: found 404 for a document that is in the list; set paths.${name} to the right path, or to null`,
          {
            result: 'schema',
          },
        )
      );
    }
    if (!this.#missing.has(name)) {
      this.#log.warn(
        { path, requestId: error?.requestId },
        `the platform has no ${path}: what it would tell is not read; set paths.${name} to the right path, or to null`,
      );
    }
    this.#missing.set(name, performance.now());
  }

  #documentIn(name: PathName, answer: unknown): Document | undefined {
    if (answer === undefined) return undefined;
    if (!isObject(answer)) throw this.#drifted(name, answer, 'an object');
    return isObject(answer.data) ? answer.data : answer;
  }

  #drifted(name: PathName, answer: unknown, expected: string): SourceError {
    const found = JSON.stringify(answer)?.slice(0, 120);
    const message = `${this.pathOf(name)}: found ${found}, expected ${expected}; set paths.${name} to the right path`;
    return new SourceError(message, { result: 'schema' });
  }
}

export function idOf(document: Document): string {
  return String(document._id ?? document.id);
}
