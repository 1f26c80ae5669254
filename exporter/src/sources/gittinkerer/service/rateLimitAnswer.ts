import { amountOf, countOf, defined, isObject, type JsonObject, utcInstant } from '../../rows/textValues.ts';
import type { PulledRecord } from '../../source.ts';
import type { ServiceAnswer } from './serviceClient.ts';

/** One limiter as the service tells of it. */
interface Limit {
  readonly layer: 'ip' | 'repo';
  readonly project?: string;
  readonly data: JsonObject;
}

const LISTS = ['repositories', 'repos', 'perRepo', 'limits'] as const;
const GLOBAL = ['global', 'ip'] as const;
const LIMIT_FIELDS = new Set(
  'limit max remaining remainingRequests resetAt reset retryAfter limited allowed count current used repo repository project name layer'.split(
    ' ',
  ),
);

/**
 * Reads `GET /api/rate-limit`. The document names the endpoint and not its shape, so what is read is what the service says of limits
 * elsewhere: `limit`, `remaining`, `resetAt` or `retryAfter`, `allowed`, at the top, under `global`, or one for each repository
 * (a list, or an object by name); and the X-RateLimit-* headers.
 * @returns undefined where nothing of that is in the answer.
 */
export function mapRateLimits({ body, headers }: ServiceAnswer, at: string): PulledRecord[] | undefined {
  const limits: Limit[] = [];
  if (body !== undefined) {
    const top = GLOBAL.map((name) => body[name]).find(isObject) ?? body;
    if (saysLimit(top)) limits.push({ layer: 'ip', data: top });
    for (const name of LISTS) limits.push(...listOf(body[name]));
  }
  const [limit, remaining] = [countOf(headers.get('x-ratelimit-limit')), countOf(headers.get('x-ratelimit-remaining'))];
  if (limits.length === 0 && limit !== undefined && remaining !== undefined) {
    limits.push({ layer: 'ip', data: { limit, remaining, retryAfter: headers.get('x-ratelimit-reset') } });
  }
  return limits.length === 0 ? undefined : limits.map((entry) => recordOf(entry, at));
}

function saysLimit(value: JsonObject): boolean {
  return ['remaining', 'remainingRequests', 'allowed', 'limited'].some((name) => value[name] !== undefined);
}

function listOf(value: unknown): Limit[] {
  const entries: [string | undefined, unknown][] = Array.isArray(value)
    ? value.map((entry) => [undefined, entry])
    : isObject(value)
      ? Object.entries(value)
      : [];
  return entries.slice(0, 1_000).flatMap(([key, data]) => {
    if (!isObject(data) || !saysLimit(data)) return [];
    const project = [data.repo, data.repository, data.project, data.name, key].find(
      (name): name is string => typeof name === 'string' && name !== '',
    );
    return project === undefined ? [] : [{ layer: 'repo' as const, project, data }];
  });
}

/** A reading, not a decision: nobody was refused by it, so it counts nothing. */
function recordOf({ layer, project, data }: Limit, at: string): PulledRecord {
  const others = Object.fromEntries(
    Object.entries(data).filter(
      ([name, value]) => !LIMIT_FIELDS.has(name) && !isObject(value) && !Array.isArray(value),
    ),
  );
  return {
    kind: 'rateLimit',
    at,
    data: defined({
      layer,
      project,
      eventId: 'api',
      at,
      limited: false,
      limit: countOf(data.limit ?? data.max),
      remaining: countOf(data.remaining ?? data.remainingRequests),
      resetAt: resetAt(data, at),
      attributes: defined({
        exhausted: data.allowed === false || data.limited === true || countOf(data.remaining) === 0 ? true : undefined,
        counted: countOf(data.count ?? data.current ?? data.used),
        ...others,
      }),
    }),
  };
}

/** A time, seconds or milliseconds since the epoch, or seconds from now. */
function resetAt({ resetAt: at, reset, retryAfter }: JsonObject, now: string): string | undefined {
  const value = at ?? reset ?? retryAfter;
  const read = utcInstant(value);
  if (read !== undefined) return read;
  const number = amountOf(value);
  if (number === undefined) return undefined;
  const ms = number > 1e11 ? number : number > 1e8 ? number * 1000 : Date.parse(now) + number * 1000;
  return new Date(Math.trunc(ms)).toISOString();
}
