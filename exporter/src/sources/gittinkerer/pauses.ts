import { z } from 'zod';
import type { Column } from '../postgres/describeTable.ts';
import type { Query } from '../postgres/sourceDatabase.ts';
import type { TextRow } from '../rows/textValues.ts';
import { defined } from '../rows/textValues.ts';
import type { PulledRecord } from '../source.ts';
import type { GittinkererConfig } from './config.ts';
import { attributeValue, camelCase, readSmallTable } from './gittinkererTables.ts';

/** What is paused, by project, as it was told last; so that an end of a pause is told too. */
const cursorSchema = z.record(z.string(), z.string());
export type PausesCursor = z.infer<typeof cursorSchema>;

const MAX_PAUSES = 5_000;
// Not seen: which column names the repository. The first of these that the table has.
const REPO_COLUMNS = ['repo', 'repository', 'repo_full_name', 'full_name', 'repo_name', 'project'];
const TARGET_COLUMNS = ['target', 'run_target', 'target_id', 'name'];
const OWNER_AND_NAME = /^[\w.-]+\/[\w.-]+/;

/**
 * The pauses of a service, as attributes of the project that each is about: `paused` with every column of its row as `pause`,
 * and `pausedRunTargets`, a list of rows.
 * @returns the records that differ from what was told before.
 */
export async function readPauses(
  query: Query,
  config: GittinkererConfig,
  stored: unknown,
): Promise<{ records: PulledRecord[]; cursor: PausesCursor } | undefined> {
  const read = async (mapping: { table: string } | null) =>
    mapping === null ? undefined : await readSmallTable(query, config.schema, mapping.table, MAX_PAUSES);
  const repos = await read(config.paused_repos);
  const targets = await read(config.paused_run_targets);
  if (repos === undefined && targets === undefined) return undefined;
  const projects = new Map<string, { pause?: object; targets: object[] }>();
  const entry = (project: string) => {
    const found = projects.get(project) ?? { targets: [] };
    projects.set(project, found);
    return found;
  };
  for (const row of repos?.rows ?? []) {
    const project = projectOf(row, repos?.columns ?? []);
    if (project !== undefined) entry(project).pause = rowOf(row, repos?.columns ?? []);
  }
  for (const row of targets?.rows ?? []) {
    const project = projectOf(row, targets?.columns ?? []) ?? targetOf(row, targets?.columns ?? []);
    if (project !== undefined) entry(project).targets.push(rowOf(row, targets?.columns ?? []));
  }
  const before = cursorSchema.safeParse(stored).data ?? {};
  const cursor: PausesCursor = {};
  const records: PulledRecord[] = [];
  for (const project of new Set([...projects.keys(), ...Object.keys(before)])) {
    const now = projects.get(project);
    const attributes = {
      paused: now?.pause !== undefined,
      pause: now?.pause ?? null,
      pausedRunTargets: now === undefined || now.targets.length === 0 ? null : now.targets,
    };
    const told = JSON.stringify(attributes);
    if (now !== undefined) cursor[project] = told;
    if (before[project] !== told) records.push({ kind: 'project', data: { project, attributes } });
  }
  return { records, cursor };
}

function rowOf(row: TextRow, columns: readonly Column[]): object {
  return defined(
    Object.fromEntries(columns.map((column) => [camelCase(column.name), attributeValue(column, row[column.name])])),
  );
}

function projectOf(row: TextRow, columns: readonly Column[]): string | undefined {
  return firstOf(row, columns, REPO_COLUMNS);
}

/** `owner/name#12` belongs to owner/name; any other target stands for itself. */
function targetOf(row: TextRow, columns: readonly Column[]): string | undefined {
  const target = firstOf(row, columns, TARGET_COLUMNS) ?? row[columns[0]?.name ?? ''] ?? undefined;
  return target === undefined ? undefined : (OWNER_AND_NAME.exec(target)?.[0] ?? target);
}

function firstOf(row: TextRow, columns: readonly Column[], names: readonly string[]): string | undefined {
  const column = names.find((name) => columns.some((each) => each.name === name) && row[name]);
  return column === undefined ? undefined : (row[column] ?? undefined);
}
