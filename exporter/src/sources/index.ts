import { codecourier } from './codecourier/codecourier.ts';
import { e2b } from './e2b/e2b.ts';
import { github } from './github/github.ts';
import { gittinkerer } from './gittinkerer/gittinkerer.ts';
import { intCrucible } from './int-crucible/intCrucible.ts';
import { pinoLogs } from './pino-logs/pinoLogs.ts';
import { sentry } from './sentry/sentry.ts';
import { triggerDev } from './trigger-dev/triggerDev.ts';
import { workflowLedger } from './workflow-ledger/workflowLedger.ts';

/** Every type of source that can be polled. A new one is a folder beside these and a line here. */
export const SOURCE_TYPES = [
  codecourier,
  intCrucible,
  workflowLedger,
  triggerDev,
  e2b,
  github,
  gittinkerer,
  pinoLogs,
  sentry,
] as const;
