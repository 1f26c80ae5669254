import { intCrucible } from './int-crucible/intCrucible.ts';
import { workflowLedger } from './workflow-ledger/workflowLedger.ts';

/** Every type of source that can be polled. A new one is a folder beside these and a line here. */
export const SOURCE_TYPES = [intCrucible, workflowLedger] as const;
