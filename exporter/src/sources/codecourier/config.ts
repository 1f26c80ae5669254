import { z } from 'zod';
import { positiveDurationMs, positiveInteger } from '../../config/fieldTypes.ts';
import { DOCUMENT_KINDS, type DocumentKind } from './documents.ts';

const url = z
  .url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
  .transform((text) => text.replace(/\/+$/, ''));

const path = z.string().regex(/^\/[^\s?#]*(?:\?[^\s#]*)?$/, {
  error: 'expected a path below base_url that starts with a slash, such as /runs',
});
const perRun = path.refine((text) => text.includes('{id}'), { error: 'expected a path with {id}, such as /runs/{id}' });
const template = z
  .string()
  .refine((text) => text.includes('{id}'), { error: 'expected a URL with {id} in it, which the id replaces' });
const table = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, {
  error: 'expected the name of a Convex table: letters, digits and underscores',
});

/**
 * Paths of the lists. The ones of `runs`, `workflows`, `notifications` and `project` have been seen; the others are not
 * published, so their defaults are guesses that `config check --probe` tries.
 */
export const DEFAULT_PATHS = {
  project: '/project',
  project_counters: '/project/counters',
  daily_stats: '/project/daily-stats',
  workflows: '/workflows',
  personas: '/personas',
  runs: '/runs',
  run: '/runs/{id}',
  run_steps: '/runs/{id}/steps',
  run_messages: '/runs/{id}/messages',
  sprint_chains: '/sprint-chains',
  sprint_chain: '/sprint-chains/{id}',
  sandboxes: '/sandboxes',
  sandbox: '/sandboxes/{id}',
  usage: '/usage',
  notifications: '/notifications',
  audit_log: '/audit-log',
} as const;
export type PathName = keyof typeof DEFAULT_PATHS;
export const PATH_NAMES = Object.keys(DEFAULT_PATHS) as readonly PathName[];

/** Convex tables. Those of steps, chains, messages, projects and the audit log are guesses: the documents do not write their names. */
const DEFAULT_TABLES: Readonly<Record<DocumentKind, string>> = {
  projects: 'projects',
  projectCounters: 'projectCounters',
  personas: 'personas',
  workflows: 'workflows',
  usageRecords: 'usageRecords',
  sprintChains: 'sprintChains',
  runSteps: 'runSteps',
  runs: 'runs',
  sandboxes: 'sandboxes',
  messages: 'sandboxMessages',
  notifications: 'notifications',
  auditLogs: 'auditLogs',
  dailyStats: 'dailyStats',
};

export const configSchema = z
  .strictObject({
    /** `rest`: the API of one project, with its key. `convex`: the tables of the deployment, with its deploy key. */
    api: z.enum(['rest', 'convex']),
    base_url: url,
    api_key: z.string().min(1).optional(),
    deploy_key: z.string().min(1).optional(),
    /** What `project` in labels is; where a project has no such thing: slug, name, id. */
    project_label: z.enum(['repository', 'slug', 'name', 'id']).default('repository'),
    run_url: template.optional(),
    trigger_run_url: template.optional(),
    page_size: positiveInteger.max(100).default(100),
    concurrency: positiveInteger.max(32).default(6),
    request_timeout: positiveDurationMs.prefault('20s'),
    /** How often REST lists are read further back than the newest known record, and how far, for changes of older ones. */
    rescan_interval: positiveDurationMs.prefault('10m'),
    rescan_pages: positiveInteger.max(100).default(5),
    /** null: the platform has no such list. A path that stands here has to exist; a default that does not is passed over. */
    paths: z
      .strictObject({
        ...fromNames(PATH_NAMES, (name) =>
          (DEFAULT_PATHS[name].includes('{id}') ? perRun : path).nullable().optional(),
        ),
      })
      .default({}),
    /** null: do not read this table. */
    tables: z.strictObject({ ...fromNames(DOCUMENT_KINDS, () => table.nullable().optional()) }).default({}),
    /** The platform's names of fields: documents -> the name that is expected -> the platform's, `a.b` inside an object. */
    fields: z
      .strictObject({ ...fromNames(DOCUMENT_KINDS, () => z.record(z.string().min(1), z.string().min(1)).optional()) })
      .default({}),
  })
  .superRefine((config, context) => {
    const [wanted, other] =
      config.api === 'rest' ? (['api_key', 'deploy_key'] as const) : (['deploy_key', 'api_key'] as const);
    const complain = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (config[wanted] === undefined)
      complain(wanted, `expected ${wanted} (or ${wanted}_file) with api: ${config.api}, found none`);
    if (config[other] !== undefined) complain(other, `api: ${config.api} uses ${wanted} alone; remove ${other}`);
    const host = new URL(config.base_url).hostname;
    if (config.api === 'rest' && host.endsWith('.convex.cloud')) {
      complain('base_url', 'found a .convex.cloud address, expected https://<deployment>.convex.site/api/v1');
    }
    if (config.api === 'convex' && host.endsWith('.convex.site')) {
      complain('base_url', 'found a .convex.site address, expected https://<deployment>.convex.cloud');
    }
    const unused = config.api === 'rest' ? 'tables' : 'paths';
    if (Object.keys(config[unused]).length > 0)
      complain(unused, `api: ${config.api} does not use ${unused}; remove it`);
  });

export type CodeCourierConfig = z.output<typeof configSchema>;

/** @returns undefined where the table is not to be read. */
export function tableOf(config: CodeCourierConfig, kind: DocumentKind): string | undefined {
  const configured = config.tables[kind];
  return configured === null ? undefined : (configured ?? DEFAULT_TABLES[kind]);
}

/** The same schema under each name. */
function fromNames<N extends string, S extends z.ZodType>(names: readonly N[], schema: (name: N) => S): Record<N, S> {
  // Object.fromEntries forgets which names it was given.
  return Object.fromEntries(names.map((name) => [name, schema(name)])) as Record<N, S>;
}
