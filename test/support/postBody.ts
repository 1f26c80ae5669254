import type { IngestAnswer } from '../../exporter/src/contract/events.ts';

export interface Posted {
  readonly status: number;
  readonly headers: Headers;
  /** Of an answer of 200. */
  readonly answer: IngestAnswer;
  /** Of any other answer. */
  readonly error: { readonly code: string; readonly message: string; readonly requestId: string };
}

/** Posts bytes to the ingest route as they are. A header that is null is not sent. */
export async function postBody(
  url: string,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream | undefined,
  headers: Readonly<Record<string, string | null>> = {},
): Promise<Posted> {
  const sent = Object.entries({ 'content-type': 'application/json', ...headers });
  const response = await fetch(`${url}/api/v1/events`, {
    method: 'POST',
    headers: sent.filter((header): header is [string, string] => header[1] !== null),
    // As bytes: fetch would name a content type for a text by itself.
    ...(body === undefined ? {} : { body: typeof body === 'string' ? new TextEncoder().encode(body) : body }),
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  });
  const json = (await response.json()) as { error: Posted['error'] } & IngestAnswer;
  return { status: response.status, headers: response.headers, answer: json, error: json.error };
}
