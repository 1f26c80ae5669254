import { z } from 'zod';
import { positiveDurationMs, positiveInteger } from '../../config/fieldTypes.ts';

const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/, {
  error: 'expected the name of a table or column: letters, digits, _ and $',
});

/** Columns by the name that this configuration gives them; the default is that name itself, null says that there is none. */
function table(name: string, columns: readonly string[]) {
  return z
    .strictObject({
      table: identifier.default(name),
      columns: z
        .partialRecord(z.enum(columns), identifier.nullable())
        .default({})
        .transform((named): Readonly<Record<string, string | null>> => {
          const nameOf = (column: string) => {
            const given = named[column];
            return given === undefined ? column : given;
          };
          return Object.fromEntries(columns.map((column) => [column, nameOf(column)]));
        }),
    })
    .prefault({});
}

const runTable = table('workflow_runs', [
  'id',
  'workflow_name',
  'project',
  'trigger_source',
  'status',
  'created_at',
  'started_at',
  'finished_at',
  'error',
  'updated_at',
]);
const taskTable = table('task_runs', [
  'id',
  'workflow_run_id',
  'step_name',
  'verb',
  'status',
  'error',
  'started_at',
  'finished_at',
  'duration_ms',
]);
const approvalTable = table('approval_requests', [
  'id',
  'workflow_run_id',
  'policy',
  'approver',
  'requested_at',
  'decided_at',
  'decision',
  'expires_at',
]);

const regularExpression = z.string().transform((pattern, context) => {
  try {
    return new RegExp(pattern);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    context.issues.push({ code: 'custom', input: pattern, message: `expected a regular expression: ${error.message}` });
    return z.NEVER;
  }
});

const adapterRule = z.strictObject({
  verb: z.string().min(1),
  /** Only steps whose name matches. */
  step: regularExpression.optional(),
  /** The adapter's name; default: the name of the step. */
  adapter: z.string().min(1).optional(),
});

/** The verbs of the platform that talk to systems outside it; the step is named after the system. */
const EXTERNAL_VERBS = ['FETCH', 'LOOKUP', 'PUSH', 'LOGIN'] as const;

export const configSchema = z
  .strictObject({
    database_url: z
      .string()
      .regex(/^postgres(?:ql)?:\/\//, { error: 'expected a URL that starts with postgres:// or postgresql://' })
      .optional(),
    redis_url: z
      .string()
      .regex(/^rediss?:\/\//, { error: 'expected a URL that starts with redis:// or rediss://' })
      .optional(),
    schema: identifier.optional(),
    workflow_runs: runTable,
    task_runs: taskTable.nullable(),
    approval_requests: approvalTable.nullable(),
    /** Columns of the table of runs that are shown as attributes. */
    attributes: z.array(identifier).default([]),
    queues: z.array(z.string().min(1)).nonempty().default(['arq:queue']),
    jobs_from: z.enum(['results', 'health']).default('results'),
    scan_keys: positiveInteger.default(50_000),
    approval_sla: positiveDurationMs.prefault('4h'),
    approval_sla_by_workflow: z.record(z.string(), positiveDurationMs).default({}),
    adapters: z.array(adapterRule).default(EXTERNAL_VERBS.map((verb) => ({ verb }))),
    page_size: positiveInteger.max(2_000).default(200),
    overlap: positiveDurationMs.prefault('10m'),
    statement_timeout: positiveDurationMs.prefault('25s'),
  })
  .refine((config) => config.database_url !== undefined || config.redis_url !== undefined, {
    error: 'expected database_url (the tables of runs), redis_url (the queues of the workers), or both; found neither',
  });

export type WorkflowLedgerConfig = z.output<typeof configSchema>;
export type AdapterRule = WorkflowLedgerConfig['adapters'][number];
