import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config.ts';
import { formatPath } from './problem.ts';

/** What a changed configuration means for the running process. Both lists name keys as they stand in the file. */
export interface ReloadPlan {
  /** Changed, and applied by a reload. */
  readonly apply: readonly string[];
  /** Changed, and only a restart applies it; until then the old value stays in force. */
  readonly restart: readonly string[];
  /** The configuration that is in force after the reload: `apply` from the new one, the rest from the old one. */
  readonly effective: Config;
}

const RELOADABLE = [
  'tokens',
  'grafana',
  'sources',
  'budgets',
  'actions_on_exceed',
  'rate_limit',
  'compatible',
  'audit',
  'approvals',
  'quality',
  'log',
] as const;
const RELOADABLE_METRICS = ['allow', 'deny'] as const;
const FIXED = ['web', 'ledger', 'ingest'] as const;

/** Compares two configurations. Pure. */
export function planReload(before: Config, after: Config): ReloadPlan {
  const differs = (left: unknown, right: unknown) => !isDeepStrictEqual(left, right);
  const restart: string[] = [];
  for (const section of [...FIXED, 'metrics'] as const) {
    const old: Readonly<Record<string, unknown>> = { ...before[section] };
    const fresh: Readonly<Record<string, unknown>> = { ...after[section] };
    for (const key of new Set([...Object.keys(old), ...Object.keys(fresh)])) {
      const reloadable = section === 'metrics' && RELOADABLE_METRICS.some((name) => name === key);
      if (!reloadable && differs(old[key], fresh[key])) restart.push(formatPath([section, key]));
    }
  }
  const apply = [
    ...RELOADABLE.filter((key) => differs(before[key], after[key])),
    ...RELOADABLE_METRICS.filter((key) => differs(before.metrics[key], after.metrics[key])).map(
      (key) => `metrics.${key}`,
    ),
  ];
  const { allow, deny } = after.metrics;
  const effective = { ...after, metrics: { ...before.metrics, allow, deny } };
  return { apply, restart, effective: { ...effective, web: before.web, ledger: before.ledger, ingest: before.ingest } };
}
