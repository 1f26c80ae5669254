import type { Query } from '../postgres/sourceDatabase.ts';
import type { ProbeReport } from '../source.ts';
import { SourceError } from '../source.ts';
import type { StatusWords } from '../statusWords.ts';
import { CRUCIBLE_TABLE, type CrucibleDatabase, NEEDED_COLUMNS } from './crucibleDatabase.ts';

/** Columns that later revisions of Int Crucible added, and what is not shown without them. */
const LATER_COLUMNS: readonly { revision: string; columns: readonly string[]; lost: string }[] = [
  {
    revision: 'a3d1c7e53b34',
    columns: [
      'duration_seconds',
      'candidate_count',
      'scenario_count',
      'evaluation_count',
      'metrics',
      'llm_usage',
      'error_summary',
    ],
    lost: 'phases, counts, cost and errors of runs',
  },
  { revision: '5c7b9a3e3c5a', columns: ['ui_trigger_source', 'ui_trigger_id'], lost: 'who started a run' },
  { revision: 'e900a34872ac', columns: ['chat_session_id'], lost: 'the chat session of a run' },
];
const MANY_ROWS = 100_000;

interface Found {
  readonly server: string;
  readonly columns: ReadonlySet<string>;
  readonly unreadable: readonly string[];
  readonly rows: string;
  readonly revision: string | undefined;
  readonly statuses: readonly string[];
  readonly slow: string | undefined;
}

export async function probeCrucible(
  database: CrucibleDatabase,
  words: StatusWords,
  signal: AbortSignal,
): Promise<ProbeReport> {
  let found: Found | undefined;
  try {
    found = await database.inspect(
      signal,
      async (query, table): Promise<Found> => {
        const columns = [...(table?.columns.values() ?? [])];
        const exists = table !== undefined;
        return {
          server: `PostgreSQL ${await one(query, 'show server_version')}`,
          columns: new Set(columns.filter(({ readable }) => readable).map(({ name }) => name)),
          unreadable: columns.filter(({ readable }) => !readable).map(({ name }) => name),
          rows: !exists || table.estimatedRows < 0 ? 'never analysed' : `about ${table.estimatedRows} rows`,
          revision: await revisionOf(query),
          statuses: table?.columns.get('status')?.words ?? [],
          slow:
            exists && table.estimatedRows > MANY_ROWS && table.columns.get('created_at')?.indexed === false
              ? `create index concurrently on ${table.sqlName} (created_at)`
              : undefined,
        };
      },
      (file, path): Found => {
        const hasTable = file.columns.size > 0;
        const revisions = file.select(`select name from sqlite_master where name = 'alembic_version'`);
        return {
          server: `SQLite file ${path}`,
          columns: file.columns,
          unreadable: [],
          rows: hasTable ? `${file.select(`select count(*) as rows from ${CRUCIBLE_TABLE}`)[0]?.rows} rows` : '',
          revision:
            revisions.length === 0
              ? undefined
              : file
                  .select('select version_num from alembic_version')
                  .map((row) => row.version_num)
                  .join(', '),
          statuses: hasTable
            ? file.select(`select distinct status from ${CRUCIBLE_TABLE}`).flatMap(({ status }) => status ?? [])
            : [],
          slow: undefined,
        };
      },
    );
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return { reachable: false, found: [], problems: [error.message] };
  }
  return { reachable: true, ...describe(found, words) };
}

function describe(found: Found, words: StatusWords): { found: string[]; problems: string[] } {
  const problems: string[] = [];
  if (found.columns.size === 0 && found.unreadable.length === 0) {
    return {
      found: [found.server],
      problems: [
        `there is no table ${CRUCIBLE_TABLE}; check the database and its schema, or run Int Crucible's migrations`,
      ],
    };
  }
  const missing = NEEDED_COLUMNS.filter((name) => !found.columns.has(name));
  if (found.unreadable.length > 0) {
    problems.push(
      `no right to read ${found.unreadable.join(', ')}; run: grant select on ${CRUCIBLE_TABLE} to <this user>`,
    );
  }
  const absent = (names: readonly string[]) =>
    names.filter((name) => !found.columns.has(name) && !found.unreadable.includes(name));
  if (absent(missing).length > 0)
    problems.push(`${CRUCIBLE_TABLE} lacks ${absent(missing).join(', ')}: it is no table of runs`);
  for (const { revision, columns, lost } of LATER_COLUMNS) {
    const gone = absent(columns);
    if (gone.length > 0) {
      problems.push(
        `${CRUCIBLE_TABLE} lacks ${gone.join(', ')}, so ${lost} are not shown; run \`alembic upgrade head\` (revision ${revision}) in Int Crucible`,
      );
    }
  }
  const unknown = found.statuses.filter((word) => !words.knows(word));
  if (unknown.length > 0)
    problems.push(`statuses ${unknown.join(', ')} are not known and are shown as unknown; please report them`);
  if (found.slow !== undefined)
    problems.push(`no index on created_at, so each poll reads the whole table; run: ${found.slow}`);
  return {
    found: [
      found.server,
      `${CRUCIBLE_TABLE}: ${found.columns.size} columns, ${found.rows}`,
      `schema revision ${found.revision ?? 'not recorded (no alembic_version)'}`,
      `statuses ${found.statuses.join(', ') || 'none'}`,
    ],
    problems,
  };
}

async function one(query: Query, sql: string): Promise<string> {
  const [row] = await query(sql);
  return Object.values(row ?? {})[0] ?? '';
}

async function revisionOf(query: Query): Promise<string | undefined> {
  const [readable] = await query(
    `select (to_regclass('alembic_version') is not null and has_table_privilege(to_regclass('alembic_version'), 'select'))::text as yes`,
  );
  if (readable?.yes !== 'true') return undefined;
  const rows = await query('select version_num from alembic_version');
  return rows.map((row) => row.version_num).join(', ');
}
