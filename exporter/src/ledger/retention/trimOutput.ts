import type { Ledger } from '../ledger.ts';
import { keyRange } from '../read/keyRange.ts';

/** Output that is older was looked at before. */
const RECENT = '1 day';
/** Runs looked at in one transaction. */
const CHUNK = 100;

/**
 * Of the output of each run (or sandbox without a run) that wrote lately, keeps the newest `maxBytes` of text.
 * @returns pieces that went.
 */
export async function trimOutput(ledger: Ledger, maxBytes: number): Promise<number> {
  // A key is run, sandbox, step and number; without a run its first part is empty.
  const { rows: writers } = await ledger.pool.query<{ source: string; run: string; sandbox: string }>(
    `select distinct source, split_part(key, E'\\x1f', 1) as run,
        case when split_part(key, E'\\x1f', 1) = '' then split_part(key, E'\\x1f', 2) else '' end as sandbox
      from fleetlens.output where at > now() - interval '${RECENT}'`,
  );
  let trimmed = 0;
  for (let i = 0; i < writers.length; i += CHUNK) {
    const chunk = writers.slice(i, i + CHUNK);
    const ranges = chunk.map(({ run, sandbox }) => (run === '' ? keyRange('', sandbox) : keyRange(run)));
    trimmed += await ledger.transaction(async ({ client }) => {
      const { rowCount } = await client.query({
        name: 'trim_output',
        text: `delete from fleetlens.output o using (
            select w.source, t.key from unnest($1::text[], $2::text[], $3::text[]) as w(source, low, high) cross join lateral (
              select key, sum(octet_length(doc ->> 'text')) over (order by at desc, key desc) as bytes
              from fleetlens.output where source = w.source and key >= w.low and key < w.high) t
            where t.bytes > $4) old
          where o.source = old.source and o.key = old.key`,
        values: [chunk.map((c) => c.source), ranges.map(([from]) => from), ranges.map(([, end]) => end), maxBytes],
      });
      return rowCount ?? 0;
    });
  }
  return trimmed;
}
