import type { Logger } from 'pino';
import { z } from 'zod';
import { ChangedRecords, type RowRecords } from '../rows/changedRecords.ts';
import type { PollContext, PollPage, ProbeReport, PulledRecord, Source, SourceType } from '../source.ts';
import { SourceError } from '../source.ts';
import { configSchema, type E2bConfig } from './config.ts';
import { E2bApi, PAGE_SIZE } from './e2bApi.ts';
import { E2B_STATES, killedSandbox, type MappedSandbox, mapMetrics, mapSandbox } from './mapSandbox.ts';
import { probeE2b } from './probe.ts';

const known = z.object({
  /** When it first started, RFC 3339. */
  created: z.string().optional(),
  /** When it will be killed, as far as is known. */
  end: z.string().optional(),
  /** The start of the first poll that missed it. */
  missing: z.string().optional(),
});
/** Versioned: with a cursor of another version sandboxes are known anew, and those that ended meanwhile stay as they are. */
const e2bCursor = z.object({ v: z.literal(1), known: z.record(z.string(), known) });
type Known = z.infer<typeof known>;

/**
 * Sandboxes of one team at E2B, through the official SDK's API client. E2B lists sandboxes that run or are paused; one that is
 * missing from two complete lists in a row was killed.
 */
export const e2b: SourceType<E2bConfig> = {
  type: 'e2b',
  configSchema,
  create(_name: string, config: E2bConfig, log: Logger): Source {
    const api = new E2bApi(config);
    const changed = new ChangedRecords();
    const warned = new Set<string>();
    let measuredMs = Number.NEGATIVE_INFINITY;

    async function* listAll(context: PollContext): AsyncGenerator<MappedSandbox[]> {
      let next: string | undefined;
      do {
        const page = await api.sandboxes(next, context);
        next = page.next;
        yield page.sandboxes.flatMap((raw) => mapSandbox(raw, config) ?? []);
      } while (next !== undefined);
    }

    async function measure(ids: readonly string[], context: PollContext): Promise<PulledRecord[]> {
      if (config.metrics === 'bulk') {
        return [...(await api.metrics(ids, context))].map(([id, raw]) => mapMetrics(id, raw));
      }
      const records: PulledRecord[] = [];
      for (const id of ids) {
        const raw = await api.metricsOf(id, context);
        if (raw !== undefined) records.push(mapMetrics(id, raw));
      }
      return records;
    }

    function warnOfState({ state }: MappedSandbox): void {
      if (state === undefined || E2B_STATES.has(state) || warned.has(state)) return;
      warned.add(state);
      log.warn({ state, expected: [...E2B_STATES] }, 'E2B has a state of sandboxes that is not known here');
    }

    return {
      async *poll(stored: unknown, context: PollContext): AsyncGenerator<PollPage> {
        const parsed = e2bCursor.safeParse(stored);
        if (stored !== undefined && stored !== null && !parsed.success) {
          log.warn('the cursor of the source is of another version: sandboxes are known anew');
        }
        changed.startPoll(stored);
        const before = parsed.data?.known ?? {};
        const after: Record<string, Known> = {};
        const running: string[] = [];
        for await (const sandboxes of listAll(context)) {
          const rows = sandboxes.map((sandbox) => {
            const { id, state, startedAt, endAt, data } = sandbox;
            warnOfState(sandbox);
            const created = before[id]?.created ?? startedAt;
            after[id] = { ...(created && { created }), ...(endAt && { end: endAt }) };
            if (state === 'running') running.push(id);
            // A paused sandbox that is resumed starts anew.
            const record: PulledRecord = { kind: 'sandbox', data: { ...data, ...(created && { createdAt: created }) } };
            return { id, records: [record] };
          });
          const { records, committed } = changed.select(rows);
          // Interrupted, the next poll still misses those that this one has not come to.
          const cursor = { v: 1, known: { ...before, ...after } };
          yield { records, cursor };
          committed(cursor);
        }
        // Only a complete list says what is missing.
        const killed: RowRecords[] = [];
        const now = context.startedAt.toISOString();
        for (const [id, sandbox] of Object.entries(before)) {
          if (id in after) continue;
          if (sandbox.missing === undefined) after[id] = { ...sandbox, missing: now };
          else killed.push({ id, records: [killedSandbox(id, endOf(sandbox, sandbox.missing))] });
        }
        const cursor = { v: 1, known: after };
        // As its last word: should it be listed again, as it was before, that is news.
        const { records, committed } = changed.select(killed);
        yield { records, cursor };
        committed(cursor);

        const nowMs = performance.now();
        if (config.metrics === 'none' || nowMs - measuredMs < config.metrics_interval) return;
        try {
          for (let from = 0; from < running.length; from += PAGE_SIZE) {
            yield { records: await measure(running.slice(from, from + PAGE_SIZE), context), cursor };
          }
          measuredMs = nowMs;
        } catch (error) {
          if (context.signal.aborted || !(error instanceof SourceError)) throw error;
          throw new SourceError(error.message, {
            result: error.result,
            ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
            partial: true,
            cause: error,
          });
        }
      },
      probe: (signal: AbortSignal): Promise<ProbeReport> => probeE2b(api, config, signal),
      close: async () => {},
    };
  },
};

/** It ended when its time was up, if that came before it was missed; else it was killed some time before that. */
function endOf({ end, created }: Known, missing: string): string {
  const at = end !== undefined && end < missing ? end : missing;
  return created !== undefined && at < created ? created : at;
}
