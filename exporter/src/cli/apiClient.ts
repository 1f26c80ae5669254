import { readFile } from 'node:fs/promises';
import { type ErrorAnswer, errorAnswer, type Page } from '../contract/api.ts';
import type { ApiOptions } from './apiOptions.ts';
import { CliError, EXIT_USAGE } from './cliError.ts';

export type Parameters = Readonly<Record<string, string | number | readonly string[] | undefined>>;

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_PAGE = 500;

/** The read API of an exporter. */
export class ApiClient {
  readonly #base: URL;
  readonly #token: string | undefined;

  private constructor(base: URL, token: string | undefined) {
    this.#base = base;
    this.#token = token;
  }

  /** @throws CliError for an address or token file that cannot be used. */
  static async open({ url, token, tokenFile }: ApiOptions): Promise<ApiClient> {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new CliError(`--url: found ${url}, expected an address such as http://127.0.0.1:9960`, {
        exitCode: EXIT_USAGE,
      });
    }
    const base = new URL(url.endsWith('/') ? url : `${url}/`);
    return new ApiClient(base, token ?? (await readToken(tokenFile)) ?? process.env.FLEETLENS_TOKEN);
  }

  /** @throws CliError that says what the exporter answered and what to do. */
  async get<T>(path: string, parameters: Parameters = {}): Promise<T> {
    const address = new URL(path.replace(/^\//, ''), this.#base);
    for (const [name, value] of Object.entries(parameters)) {
      for (const one of value === undefined ? [] : [value].flat()) address.searchParams.append(name, String(one));
    }
    const response = await fetch(address, {
      headers: { accept: 'application/json', ...(this.#token && { authorization: `Bearer ${this.#token}` }) },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    }).catch((cause: Error) => {
      const reason = cause.cause instanceof Error ? cause.cause.message : cause.message;
      throw new CliError(
        `cannot reach the exporter at ${this.#base.href}: ${reason}. Is it running? Name another address with --url or FLEETLENS_URL.`,
        { cause },
      );
    });
    const text = await response.text();
    // The answers of an exporter of this version have the shape of the contract.
    if (response.ok) return JSON.parse(text) as T;
    throw refusal(response.status, text, address);
  }

  /** Follows the pages until there are `limit` records, or no more. */
  async list<T>(path: string, parameters: Parameters, limit: number): Promise<Page<T>> {
    const data: T[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<T> = await this.get(path, {
        ...parameters,
        limit: Math.min(MAX_PAGE, limit - data.length),
        cursor: cursor ?? undefined,
      });
      data.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor !== null && data.length < limit);
    return { data, nextCursor: cursor };
  }
}

async function readToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new CliError(`--token-file: ${file} cannot be read: ${(cause as Error).message}`, {
      exitCode: EXIT_USAGE,
      cause,
    });
  }
}

function refusal(status: number, text: string, address: URL): CliError {
  const parsed = errorAnswer.safeParse(readJson(text));
  const answer: ErrorAnswer['error'] | undefined = parsed.success ? parsed.data.error : undefined;
  const remedy =
    status === 401 || status === 403
      ? ' Give a token of role viewer with --token-file or FLEETLENS_TOKEN.'
      : answer === undefined
        ? ` Is ${address.origin} a Fleetlens exporter of this version?`
        : '';
  const id = answer === undefined || status < 500 ? '' : ` (request ${answer.requestId})`;
  return new CliError(
    `the exporter answered ${status}: ${answer?.message ?? text.slice(0, 200).trim()}${id}.${remedy}`,
    { exitCode: status === 400 ? EXIT_USAGE : 1 },
  );
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
