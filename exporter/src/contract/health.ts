import { z } from 'zod';

/** How a part is. `degraded`: it works, with a loss that `detail` names. */
export const PART_STATUSES = ['ok', 'degraded', 'down'] as const;
export type PartStatus = (typeof PART_STATUSES)[number];

const status = z.enum(PART_STATUSES);

/** `GET /health` */
export const healthAnswer = z.object({
  status: status.describe('The worst of the parts; `down` only where the exporter cannot do its job.'),
  timestamp: z.iso.datetime(),
  uptimeSeconds: z.number().nonnegative(),
  version: z.string(),
  parts: z
    .record(z.string(), z.object({ status, latencyMs: z.number().nonnegative(), detail: z.string().optional() }))
    .describe('By name: `ledger`, `ingest`, `source <name>` and others.'),
});
export type HealthAnswer = z.output<typeof healthAnswer>;
