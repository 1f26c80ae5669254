import type { IncomingMessage } from 'node:http';
import { HttpError } from '../http/httpError.ts';

/** So many times the largest body of a refused one is read and thrown away; who sends more than that is cut off. */
const DISCARDED_BODIES = 4;

export interface ReceivedBody {
  readonly bytes: Buffer;
  /** Gives its memory back to the budget; call once, when the bytes are no longer needed. */
  release(): void;
}

export interface MemoryBudget {
  /** @throws where the budget does not hold so many more bytes. */
  take(bytes: number): void;
  giveBack(bytes: number): void;
}

/**
 * Reads a body of at most `maxBytes` into memory that `budget` has: a hundred senders at once must not fill the memory
 * before the first of their events is counted against the limit.
 * @throws HttpError 413, 400; what `budget` throws.
 */
export function receiveBody(
  payload: IncomingMessage,
  budget: MemoryBudget,
  { maxBytes }: { readonly maxBytes: number },
): Promise<ReceivedBody> {
  const { promise, resolve, reject } = Promise.withResolvers<ReceivedBody>();
  const chunks: Buffer[] = [];
  let length = 0;
  const release = () => budget.giveBack(length);

  const onData = (chunk: Buffer) => {
    try {
      if (length + chunk.length > maxBytes) throw tooLarge(maxBytes);
      budget.take(chunk.length);
      length += chunk.length;
      chunks.push(chunk);
    } catch (error) {
      fail(error);
    }
  };
  const onEnd = () => {
    stopListening();
    resolve({ bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length), release });
  };
  const onError = (cause: Error) => {
    fail(new HttpError(400, 'incomplete_body', 'the body ended before it was complete', { cause }));
  };
  function fail(error: unknown): void {
    stopListening();
    release();
    chunks.length = 0;
    // A sender that is still writing when the connection closes sees that, and not the answer.
    void discard(payload, maxBytes * DISCARDED_BODIES).then(() => reject(error));
  }
  function stopListening(): void {
    payload.off('data', onData).off('end', onEnd).off('error', onError);
  }

  if (Number(payload.headers['content-length'] ?? 0) > maxBytes) fail(tooLarge(maxBytes));
  else payload.on('data', onData).on('end', onEnd).on('error', onError);
  return promise;
}

/** Resolves when the rest of the body has come, or more than `maxBytes` of it, or nothing comes any more. */
function discard(payload: IncomingMessage, maxBytes: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let length = 0;
  payload.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxBytes) resolve();
  });
  for (const event of ['end', 'close', 'error']) payload.once(event, () => resolve());
  return promise;
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(
    413,
    'payload_too_large',
    `the body has more than ${maxBytes} bytes (ingest.max_body_bytes); send fewer events at a time`,
  );
}
