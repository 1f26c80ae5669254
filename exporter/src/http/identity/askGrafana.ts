import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';

const TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 4 * 1024 * 1024;

export interface GrafanaRequest {
  readonly url: string;
  /** PEM, besides the certificates that Node.js knows. */
  readonly ca?: string;
  readonly token?: string;
}

/** Grafana gave no answer that could be used. The message says where, and what was found and expected. */
export class GrafanaUnavailable extends Error {
  override readonly name = 'GrafanaUnavailable';
}

/**
 * Asks Grafana for JSON. node:https rather than fetch(), which takes no certificates of its own.
 * @throws GrafanaUnavailable after 5 s too, and for a redirect, which could send the token elsewhere.
 */
export async function askGrafana({ url, ca, token }: GrafanaRequest): Promise<unknown> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await send({ url, signal, ...(ca === undefined ? {} : { ca }), ...(token && { token }) });
    const text = await readText(response);
    if (response.statusCode === 200) return JSON.parse(text);
    throw new Error(`answered ${response.statusCode}, expected 200; check ${suspectOf(response.statusCode, token)}`);
  } catch (cause) {
    const why = signal.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : reasonOf(cause);
    throw new GrafanaUnavailable(`${url}: ${why}`, { cause });
  }
}

function send({ url, ca, token, signal }: GrafanaRequest & { signal: AbortSignal }): Promise<IncomingMessage> {
  const headers = {
    accept: 'application/json',
    'user-agent': 'fleetlens',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = url.startsWith('https:')
    ? httpsRequest(url, { headers, signal, ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }) })
    : httpRequest(url, { headers, signal });
  request.on('response', resolve).on('error', reject).end();
  return promise;
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`answered more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function suspectOf(status: number | undefined, token: string | undefined): string {
  const isForbidden = token !== undefined && (status === 401 || status === 403);
  return isForbidden ? 'grafana.service_account_token and its role' : 'grafana.url, its path included';
}

function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'answered what is no JSON; check grafana.url, its path included';
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
