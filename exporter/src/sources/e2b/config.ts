import { z } from 'zod';
import { positiveDurationMs, sourceName } from '../../config/fieldTypes.ts';

export const configSchema = z.strictObject({
  /** Key of one team (`e2b_…`). */
  api_key: z.string().min(1),
  api_url: z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' }).default('https://api.e2b.app'),
  /**
   * The source that also tells of these sandboxes and counts them (CodeCourier creates its sandboxes at E2B). They are then
   * shown with their resources, and not counted a second time.
   */
  sandboxes_of: sourceName.optional(),
  /** Project of the sandboxes: the same for all, or what this key of a sandbox's metadata says. */
  project: z.string().min(1).optional(),
  project_key: z.string().min(1).default('projectId'),
  /** Keys of a sandbox's metadata that name its run and where it comes from. */
  run_key: z.string().min(1).default('runId'),
  origin_key: z.string().min(1).default('origin'),
  /** Only sandboxes with this metadata. */
  metadata: z.record(z.string(), z.string()).default({}),
  /**
   * How the use of CPU, memory and disk is asked for: `bulk`, one request for 100 running sandboxes; `each`, one for each (for
   * servers without the other); `none`.
   */
  metrics: z.enum(['bulk', 'each', 'none']).default('bulk'),
  /** E2B measures every 5 seconds; each reading is a write to the ledger for each running sandbox. */
  metrics_interval: positiveDurationMs.prefault('1m'),
});

export type E2bConfig = z.output<typeof configSchema>;
