import { z } from 'zod';
import { SourceError, type SourceResult } from '../../source.ts';
import { parseJson } from './parseJson.ts';
import { retryAfterMs } from './retryAfter.ts';

/** CodeCourier's shape, its older one, and Convex' own. */
const errorBody = z.union([
  z.object({
    error: z.object({
      code: z.string().optional(),
      message: z.string(),
      field: z.string().nullish(),
      requestId: z.string().nullish(),
    }),
  }),
  z.object({ error: z.string() }),
  z.object({ code: z.string(), message: z.string() }),
]);

/** What the body of a failed call says. */
interface Said {
  readonly message: string;
  readonly code?: string;
  readonly requestId?: string;
}

/** A failed call to the platform. `status` is absent where there was no answer. */
export class ApiError extends SourceError {
  readonly status: number | undefined;
  /** The platform's own word, say `SCOPE_DENIED` or `InvalidWindowToReadDocuments`. */
  readonly code: string | undefined;
  readonly requestId: string;
  constructor(
    message: string,
    options: {
      result: Exclude<SourceResult, 'ok'>;
      requestId: string;
      status?: number;
      code?: string | undefined;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    },
  ) {
    super(`${message} (request id ${options.requestId})`, {
      result: options.result,
      ...(options.retryAfterMs === undefined ? {} : { retryAfterMs: options.retryAfterMs }),
      cause: options.cause,
    });
    this.status = options.status;
    this.code = options.code;
    this.requestId = options.requestId;
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  auth: 'check the key of the source, and that it may read this',
  rate_limit: 'the source waits; raise its poll_interval or lower concurrency if this goes on',
  server: "see the platform's status page",
  schema: 'run `fleetlens config check --probe` to see which paths and fields differ',
};

/** @returns an answer that is no success as an error, with what the platform says of it. */
export function answeredFailure(response: Response, body: string, what: string, requestId: string): ApiError {
  const { status } = response;
  const result = resultOf(status);
  const said = readErrorBody(body);
  const found = [String(status), said?.code, said?.message ?? body.slice(0, 200).trim()].filter(Boolean).join(' ');
  const remedy = REMEDIES[result];
  return new ApiError(`${what}: found ${found}${remedy === undefined ? '' : `; ${remedy}`}`, {
    result,
    status,
    code: said?.code,
    requestId: said?.requestId ?? response.headers.get('x-request-id') ?? requestId,
    retryAfterMs: status === 429 || status === 503 ? retryAfterMs(response.headers, Date.now()) : undefined,
  });
}

function resultOf(status: number): Exclude<SourceResult, 'ok'> {
  if (status === 401 || status === 403) return 'auth';
  if (status === 429) return 'rate_limit';
  // Convex answers 560 for an error of the deployment's own code.
  if (status >= 500) return 'server';
  return status === 400 || status === 404 || status === 410 || status === 422 ? 'schema' : 'other';
}

function readErrorBody(text: string): Said | undefined {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    // A proxy's page, or nothing: the status says enough.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const parsed = errorBody.safeParse(value);
  if (!parsed.success) return undefined;
  const { data } = parsed;
  if ('code' in data) return { message: data.message, code: data.code };
  if (typeof data.error === 'string') return { message: data.error };
  const { message, code, field, requestId } = data.error;
  return {
    message: field ? `${field}: ${message}` : message,
    ...(code === undefined ? {} : { code }),
    ...(requestId ? { requestId } : {}),
  };
}

/** Whether the other parts of a poll would fail as this one did: then it ends, and goes on later where it stopped. */
export function endsPoll(error: SourceError, worked: number): boolean {
  if (error.result === 'rate_limit') return true;
  if (error.result === 'auth') return error instanceof ApiError && error.status === 401;
  return error.result === 'network' && worked === 0;
}
