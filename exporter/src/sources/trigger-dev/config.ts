import { z } from 'zod';
import { byteSize, positiveDurationMs, positiveInteger, sourceName } from '../../config/fieldTypes.ts';

export const configSchema = z.strictObject({
  /** Secret key of one environment (`tr_prod_…`); it reads the runs and queues of that environment. */
  api_key: z.string().min(1),
  base_url: z
    .url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
    .default('https://api.trigger.dev'),
  /** Of a preview environment. */
  branch: z.string().min(1).optional(),
  /**
   * The source whose runs are executed here: its runs name the Trigger.dev run as their `triggerRunId`. Runs are then read
   * as jobs, which count for the queues alone; runs and cost are counted by that source.
   */
  runs_of: sourceName.optional(),
  /** Which tasks to read; default: all. */
  tasks: z.array(z.string().min(1)).default([]),
  /** How far back the first read goes. Trigger.dev keeps runs for 1 to 30 days, by plan. */
  history: positiveDurationMs.prefault('30d'),
  /** How far behind the newest known run a poll looks for runs that were listed late. */
  overlap: positiveDurationMs.prefault('10m'),
  /** Project of the runs: the same for all, or what follows this prefix in one of the run's tags. */
  project: z.string().min(1).optional(),
  project_tag: z.string().min(1).optional(),
  /**
   * The API names no queue of a run. A task has its own queue, `task/<task>`; a task that was given another one is
   * written here: task -> queue.
   */
  queue_by_task: z.record(z.string(), z.string().min(1)).default({}),
  /** Page of a run in the dashboard, with `{id}` for the run's id. */
  run_url: z
    .string()
    .refine((url) => url.includes('{id}'), { error: 'expected {id} in it, where the id of the run goes' })
    .optional(),
  /** Whether the cost of runs is counted here. Default: where `runs_of` names no other source that counts it. */
  count_cost: z.boolean().optional(),
  /** A payload or output beyond this is left out; its size is kept. */
  max_payload: byteSize.prefault('16KiB'),
  /** Trigger.dev allows 1,500 in all; the platform itself needs some. */
  requests_per_minute: positiveInteger.max(1_500).default(1_200),
});

export type TriggerDevConfig = z.output<typeof configSchema>;
