import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { PulledRecord } from '../contract/events.ts';
import type { Kind } from '../contract/records.ts';
import type { AboutPullRequest } from '../ledger/findAddedTo.ts';
import type { OpenPullRequest } from '../ledger/openPullRequests.ts';

export type { PulledRecord } from '../contract/events.ts';

/** What one step of a poll read. Records and cursor commit in one transaction; the next poll starts from that cursor. */
export interface PollPage {
  readonly records: readonly PulledRecord[];
  /** Runs that the source no longer has. */
  readonly goneRuns?: readonly string[];
  /** JSON; only the source itself reads it. */
  readonly cursor: unknown;
  /** How far a backfill is, where the source knows. */
  readonly progress?: { readonly done: number; readonly total: number };
  /** Time of the newest thing that this page covers, where the source is behind (RFC 3339). */
  readonly readUpTo?: string;
}

export interface PollContext {
  /** Aborts on time-out, on shutdown and when another replica takes over. */
  readonly signal: AbortSignal;
  /** The start of this poll. */
  readonly startedAt: Date;
  readonly log: Logger;
  /** Runs of this source that the ledger holds as queued, running or waiting: run ids, oldest first. */
  openRunIds(): Promise<readonly string[]>;
  /** Pull requests that runs of these sources have open, newest run first: what a code host is asked about. */
  openPullRequests(sources: readonly string[]): Promise<readonly OpenPullRequest[]>;
  /** Counts a call to the source for fleetlens_source_requests_total. */
  countRequest(result: SourceResult): void;
  /** Calls left in the source's rate-limit window, where an answer says so. */
  quotaRemaining(calls: number): void;
}

/** How a call to a source ended; the same words as for adapters. */
export type SourceResult = 'ok' | 'auth' | 'network' | 'schema' | 'rate_limit' | 'server' | 'other';

/** What `config check --probe` prints of a source. */
export interface ProbeReport {
  readonly reachable: boolean;
  /** What was found: server version, tables, revision, row counts. */
  readonly found: readonly string[];
  /** What is missing or unexpected, each with its remedy. Empty: all is well. */
  readonly problems: readonly string[];
}

export interface Source {
  /**
   * Reads what is new since `cursor` (undefined: everything), page by page. The first poll is the backfill; a page is at
   * most a few thousand records, so that an interrupted backfill resumes where it stopped.
   * @throws SourceError with its `result`.
   */
  poll(cursor: unknown, context: PollContext): AsyncIterable<PollPage>;
  probe(signal: AbortSignal): Promise<ProbeReport>;
  close(): Promise<void>;
}

/** A webhook as it came in. */
export interface Webhook {
  /** The bytes that were signed. */
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
}

/** What a webhook says: an event of the source, or with `about` what it adds to runs of others. */
export interface WebhookEvent {
  /** Follows from the delivery alone, so that a delivery that comes again is a duplicate; `at` and `data` likewise. */
  readonly id: string;
  readonly kind: Kind;
  /** RFC 3339. */
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly about?: AboutPullRequest;
  /** Where it stood, in a body of several parts (lines): what the answer names it by. Default: its place among the events. */
  readonly index?: number;
}

/** A part of a body that cannot be read; the others are. */
export interface RejectedPart {
  readonly index: number;
  readonly reason: string;
  /** As it came; it is kept aside for a person to look at. */
  readonly payload: string;
}

export type WebhookOutcome =
  | { readonly events: readonly WebhookEvent[]; readonly rejected?: readonly RejectedPart[] }
  /** `signature`, `secret`: whoever sent it is not who may; `sent` is the wrong one, where there was one. */
  | { readonly refused: 'signature' | 'secret' | 'malformed'; readonly reason: string; readonly sent?: string };

/** Reads the webhooks of a source; every replica has one, whether or not it polls. */
export interface WebhookReceiver {
  /** Verifies before it reads anything else. No events: of no interest here. */
  receive(webhook: Webhook): Promise<WebhookOutcome>;
}

/** An entry of the list in index.ts. `Config` is what stands in the YAML beside name, type, poll_interval and timeout. */
export interface SourceType<Config> {
  readonly type: string;
  readonly configSchema: z.ZodType<Config>;
  create(name: string, config: Config, log: Logger): Source;
  /** What `POST /api/v1/webhooks/<name>` hands its requests to; undefined where the configuration has no secret for it. */
  webhook?(name: string, config: Config, log: Logger): WebhookReceiver | undefined;
}

/** A failed call to a source. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly result: Exclude<SourceResult, 'ok'>;
  /** From Retry-After or the vendor's own header, milliseconds. */
  readonly retryAfterMs: number | undefined;
  /**
   * One of several parts of the source failed and the pages of the others were sent: the poll did not work, but neither
   * quick retries nor the circuit breaker may hold back the parts that do.
   */
  readonly partial: boolean;
  constructor(
    message: string,
    options: { result: Exclude<SourceResult, 'ok'>; retryAfterMs?: number; partial?: boolean; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.result = options.result;
    this.retryAfterMs = options.retryAfterMs;
    this.partial = options.partial ?? false;
  }
}
