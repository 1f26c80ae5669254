import type { ErrorAnswer } from '@contract/api.ts';

/** What a reader can do about a failure depends on this. */
export type FailureKind =
  /** Nobody is signed in, or the exporter does not believe who asks. */
  | 'unauthenticated'
  /** The role or the projects of who asks do not reach so far. */
  | 'forbidden'
  | 'not_found'
  /** Retention removed it, at `prunedAt`. */
  | 'pruned'
  /** The question itself is wrong. */
  | 'invalid'
  | 'rate_limited'
  /** What was to be changed is not as it was. */
  | 'conflict'
  /** The exporter or its ledger does not answer. */
  | 'unavailable';

/** What Grafana's proxy answers, with status 400, in place of a data source's 401. */
const REFUSED_BY_EXPORTER = 'Authentication to data source failed';

/** The exporter, or Grafana's proxy before it, gave no answer that could be shown. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly kind: FailureKind;
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** Of the exporter's answer: what its log names the request by. */
  readonly requestId: string | undefined;
  readonly prunedAt: string | undefined;
  /** Of a limited request: seconds to wait. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, body: unknown, options: { statusText?: string; retryAfter?: string | null } = {}) {
    const answer = isErrorAnswer(body) ? body.error : undefined;
    const ofProxy = isMessage(body) ? body.message : undefined;
    super(answer?.message ?? readable(ofProxy) ?? (options.statusText || `status ${status}`));
    this.status = status;
    this.requestId = answer?.requestId;
    this.prunedAt = answer?.prunedAt;
    const seconds = Number(options.retryAfter ?? Number.NaN);
    this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : undefined;
    const isRefused = status === 400 && answer === undefined && ofProxy === REFUSED_BY_EXPORTER;
    this.kind = isRefused ? 'unauthenticated' : kindOf(status, this.prunedAt);
  }

  /** Asking again can help. */
  get isTemporary(): boolean {
    return this.kind === 'unavailable' || this.kind === 'rate_limited';
  }
}

function kindOf(status: number, prunedAt: string | undefined): FailureKind {
  if (prunedAt !== undefined || status === 410) return 'pruned';
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not_found';
  if (status === 409) return 'conflict';
  if (status === 429) return 'rate_limited';
  return status >= 400 && status < 500 ? 'invalid' : 'unavailable';
}

/** A proxy on the way answers with a page of its own: that is nothing to read. */
function readable(message: string | undefined): string | undefined {
  return message === undefined || message.trimStart().startsWith('<') ? undefined : message;
}

function isErrorAnswer(body: unknown): body is ErrorAnswer {
  if (typeof body !== 'object' || body === null || !('error' in body)) return false;
  const { error } = body;
  return typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string';
}

function isMessage(body: unknown): body is { message: string } {
  return typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string';
}
