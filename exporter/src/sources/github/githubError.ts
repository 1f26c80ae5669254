import { RequestError } from '@octokit/request-error';
import { HostedError } from '../hostedError.ts';

/** GitHub asks to wait so long where it limits without saying for how long (docs.github.com, "Rate limits for the REST API"). */
const UNSAID_WAIT_MS = 60_000;

type Headers = Readonly<Record<string, string | number | undefined>>;

/** @param what was asked for, for the message: `pull request acme/app#7`. */
export function toGithubError(error: unknown, what: string): HostedError {
  if (error instanceof HostedError) return error;
  if (!(error instanceof RequestError)) {
    const isAbort = error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
    return new HostedError(`${what}: ${isAbort ? 'no answer in time' : String(error)}`, isAbort ? 'network' : 'other', {
      cause: error,
    });
  }
  if (error.response === undefined)
    return new HostedError(`${what}: no answer: ${error.message}`, 'network', { cause: error });
  const { status, headers } = error.response;
  const id = headers['x-github-request-id'];
  const said = `${what}: GitHub answered ${status}: ${error.message.slice(0, 300)}${id === undefined ? '' : ` (request ${id})`}`;
  if (status === 401) {
    return new HostedError(`${said}; the token is revoked, expired or wrong: set another as api_key`, 'auth', {
      stops: true,
      cause: error,
    });
  }
  if (status === 403 || status === 429) {
    const retryAfterMs = limitedFor(headers, error.message, status);
    if (retryAfterMs !== undefined)
      return new HostedError(said, 'rate_limit', { stops: true, retryAfterMs, cause: error });
    return new HostedError(
      `${said}; the token needs read access to pull requests, checks and commit statuses`,
      'auth',
      { cause: error },
    );
  }
  return new HostedError(said, status >= 500 ? 'server' : 'other', { cause: error });
}

/** @returns how long to wait, milliseconds; undefined where the answer is no limit but a refusal. */
function limitedFor(headers: Headers, message: string, status: number): number | undefined {
  const seconds = Number(headers['retry-after']);
  if (headers['retry-after'] !== undefined && Number.isFinite(seconds)) return Math.max(1, seconds) * 1000;
  if (headers['x-ratelimit-remaining'] === '0') return untilReset(headers);
  return status === 429 || /rate limit|abuse/i.test(message) ? UNSAID_WAIT_MS : undefined;
}

/** By GitHub's own clock, which its answer carries. */
function untilReset(headers: Headers): number {
  const resetMs = Number(headers['x-ratelimit-reset']) * 1000;
  const said = Date.parse(String(headers.date));
  const nowMs = Number.isNaN(said) ? Date.now() : said;
  return Number.isFinite(resetMs) ? Math.max(1_000, resetMs - nowMs) : UNSAID_WAIT_MS;
}

/** An error of a GraphQL answer, which comes with status 200. */
export interface GraphqlProblem {
  readonly type?: string | undefined;
  readonly message: string;
  readonly path?: readonly (string | number)[] | undefined;
}

/** @returns the failure of a whole GraphQL answer. */
export function graphqlError(problems: readonly GraphqlProblem[], headers: Headers, what: string): HostedError {
  const message = `${what}: GitHub answered: ${problems
    .map((problem) => problem.message)
    .join('; ')
    .slice(0, 300)}`;
  const types = problems.map(({ type }) => type);
  if (types.includes('RATE_LIMITED') || types.includes('RATE_LIMIT')) {
    return new HostedError(message, 'rate_limit', { stops: true, retryAfterMs: untilReset(headers) });
  }
  const isRefusal = types.includes('FORBIDDEN') || types.includes('INSUFFICIENT_SCOPES');
  return new HostedError(message, isRefusal ? 'auth' : 'other');
}
