import type { Config } from '../config.ts';
import type { RecordOf } from '../contract/records.ts';
import { retryAfterMs } from '../retryAfterMs.ts';

export type AuditWebhook = NonNullable<Config['audit']['webhook']>;

/** Why a receiver did not take entries. */
export class NotTaken extends Error {
  override readonly name = 'NotTaken';
  /** When the receiver asks to be asked again, milliseconds from now. */
  readonly retryAfterMs: number | undefined;
  /** The body was too large for it: fewer entries may do. */
  readonly isTooLarge: boolean;

  constructor(
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined; isTooLarge?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
    this.isTooLarge = options.isTooLarge ?? false;
  }
}

const CONTENT_TYPES = { ndjson: 'application/x-ndjson', json: 'application/json' } as const;

/**
 * Hands entries to a receiver, in order, in one request: one entry a line, or an array.
 * @throws NotTaken for every answer but a 2xx, and where none came
 */
export async function postEntries(
  { url, token, headers, format, timeout }: AuditWebhook,
  entries: readonly RecordOf<'audit'>[],
  signal: AbortSignal,
): Promise<void> {
  const body =
    format === 'json' ? JSON.stringify(entries) : entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  const { host } = new URL(url);
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'content-type': CONTENT_TYPES[format],
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      // A receiver that has moved is to be named anew: the token goes to nobody else.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
    });
    // Read, so that the connection can be used again.
    await response.arrayBuffer();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new NotTaken(`${host}: no answer (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
  }
  if (response.ok) return;
  throw new NotTaken(`${host}: found status ${response.status}, expected 2xx`, {
    retryAfterMs: retryAfterMs(response.headers, Date.now()),
    isTooLarge: response.status === 413,
  });
}
