import { createHash, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { PulledRecord, RejectedPart, Webhook, WebhookEvent, WebhookOutcome, WebhookReceiver } from '../source.ts';
import type { PinoLogsConfig } from './config.ts';
import { forgetOldest, mapLine, type RefusedRequests } from './mapLine.ts';
import { readPushedLine } from './readPushedLine.ts';
import { apart, cacheRecord } from './storeReadings.ts';

const unzip = promisify(gunzip);
/** A shipper's batch is smaller by far. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

type Told = PulledRecord & { readonly id: string; readonly index: number };

/**
 * Lines that a log shipper pushes (NDJSON over HTTP: Vector, Fluent Bit, pino-http-send). A line is named by what it says, so
 * that one that is pushed again, in whatever batch, is a duplicate.
 */
export function pushedLines({
  webhook_secret: secret,
  max_line: maxLine,
}: PinoLogsConfig): WebhookReceiver | undefined {
  if (secret === undefined) return undefined;
  const refused: RefusedRequests = new Map();

  return {
    async receive({ body, headers }: Webhook): Promise<WebhookOutcome> {
      const { authorization } = headers;
      if (!isSecret(authorization, secret)) {
        const found = authorization === undefined ? 'none' : 'another one';
        return {
          refused: 'secret',
          reason: `Authorization: found ${found}, expected "Bearer <webhook_secret>", or it as the password of basic authentication`,
          ...(authorization === undefined ? {} : { sent: authorization }),
        };
      }
      const text = await textOf(body, headers['content-encoding']);
      if (typeof text !== 'string') return { refused: 'malformed', reason: text.problem };
      const told: Told[] = [];
      const rejected: RejectedPart[] = [];
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      for (const [index, line] of lines.entries()) {
        const mapped = mapPushed(line.trim(), index);
        if ('reason' in mapped) rejected.push(mapped);
        else told.push(...mapped.told);
      }
      forgetOldest(refused);
      const events = apart(told).map(
        ({ id, index, kind, at, data }): WebhookEvent => ({ id, index, kind, at: at ?? '', data }),
      );
      return { events, rejected };
    },
  };

  function mapPushed(text: string, index: number): RejectedPart | { readonly told: readonly Told[] } {
    const bytes = Buffer.byteLength(text);
    if (bytes > maxLine) {
      return { index, payload: text, reason: `found a line of ${bytes} bytes, expected at most ${maxLine} (max_line)` };
    }
    const read = readPushedLine(text);
    if ('rejected' in read) return { index, payload: text, reason: read.rejected };
    const { line } = read;
    const lineId = createHash('sha256').update(text).digest('hex').slice(0, 32);
    const cache = { hits: 0, misses: 0, evictions: 0 };
    const records = mapLine(line, { lineId, at: line.at, cache, refused });
    // Each line counts from 0, as a server does that has just started: what it adds does not depend on what came before.
    if (cache.hits + cache.misses + cache.evictions > 0) records.push(cacheRecord(cache, line.at, lineId));
    return { told: records.map((record, nth) => ({ ...record, id: `${lineId}/${nth}`, index })) };
  }
}

/** Compares in constant time, whatever the length of what was sent. */
function isSecret(authorization: string | undefined, secret: string): boolean {
  const [, scheme = '', credentials = ''] = /^(bearer|basic) +(\S+) *$/i.exec(authorization ?? '') ?? [];
  const sent =
    scheme.toLowerCase() === 'basic'
      ? Buffer.from(credentials, 'base64')
          .toString('utf8')
          .replace(/^[^:]*:/, '')
      : credentials;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(sent), digest(secret));
}

async function textOf(body: Buffer, encoding: string | undefined): Promise<string | { readonly problem: string }> {
  const coding = encoding?.trim().toLowerCase() ?? 'identity';
  if (coding === 'identity') return body.toString('utf8');
  if (coding !== 'gzip' && coding !== 'x-gzip') {
    return { problem: `Content-Encoding: found ${coding}, expected gzip or none` };
  }
  try {
    return (await unzip(body, { maxOutputLength: MAX_UNPACKED_BYTES })).toString('utf8');
  } catch (error) {
    return { problem: `the body cannot be unpacked: ${error instanceof Error ? error.message : String(error)}` };
  }
}
