/**
 * The tables of Int Crucible that matter here (crucible_runs and what it refers to), with the column types, enum types and
 * defaults that its own set-up makes. Source: copperdogma/int-crucible, crucible/db/models.py and alembic/versions.
 */

/**
 * Who created the tables: the Alembic revisions, or SQLAlchemy's create_all at the start of the API. They differ:
 * Alembic's `runtriggersource` holds the values (`api_client`), create_all's the names (`API_CLIENT`), which is what the
 * service writes; so on an Alembic-made Postgres a run with a trigger source is refused.
 */
export type CrucibleOrigin = 'alembic' | 'create_all';

/** The newest revision; Alembic keeps it in `alembic_version`. */
const ALEMBIC_HEAD = '6d8351a91e23';

const ENUMS = {
  runmode: ['FULL_SEARCH', 'EVAL_ONLY', 'SEEDED'],
  runstatus: ['CREATED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'],
  chatsessionmode: ['SETUP', 'ANALYSIS'],
  messagerole: ['USER', 'SYSTEM', 'AGENT'],
  runtriggersource: ['RUN_CONFIG_PANEL', 'API_CLIENT', 'INTEGRATION_TEST', 'CLI_TOOL'],
} as const;

type EnumName = keyof typeof ENUMS;

interface Dialect {
  readonly timestamp: string;
  readonly float: string;
  enumType(name: EnumName): string;
}

const POSTGRES: Dialect = {
  timestamp: 'timestamp without time zone',
  float: 'double precision',
  enumType: (name) => name,
};

/** SQLite has no enums: SQLAlchemy makes a VARCHAR as long as the longest name, without a constraint. */
const SQLITE: Dialect = {
  timestamp: 'DATETIME',
  float: 'FLOAT',
  enumType: (name) => `VARCHAR(${Math.max(...ENUMS[name].map((label) => label.length))})`,
};

export function postgresSchema(origin: CrucibleOrigin): string {
  const enums = Object.entries(ENUMS).map(([name, labels]) => {
    const stored =
      name === 'runtriggersource' && origin === 'alembic' ? labels.map((label) => label.toLowerCase()) : labels;
    return `create type ${name} as enum (${stored.map((label) => `'${label}'`).join(', ')});`;
  });
  return [...enums, tables(POSTGRES, origin)].join('\n');
}

export function sqliteSchema(origin: CrucibleOrigin): string {
  return tables(SQLITE, origin);
}

function tables(dialect: Dialect, origin: CrucibleOrigin): string {
  const { timestamp, float, enumType } = dialect;
  const shortText = origin === 'alembic' ? 'varchar(64)' : 'varchar';
  // Alembic adds the counters with a default and drops it again, which SQLite cannot.
  const counter = `integer not null${origin === 'alembic' && dialect === SQLITE ? " default '0'" : ''}`;
  const version = `
    create table alembic_version (version_num varchar(32) not null primary key);
    insert into alembic_version values ('${ALEMBIC_HEAD}');`;
  return `
    create table crucible_projects (
      id varchar not null primary key,
      title varchar not null,
      description text,
      created_at ${timestamp},
      updated_at ${timestamp}
    );
    create table crucible_chat_sessions (
      id varchar not null primary key,
      project_id varchar not null references crucible_projects (id),
      title varchar,
      mode ${enumType('chatsessionmode')},
      run_id varchar,
      candidate_id varchar,
      created_at ${timestamp},
      updated_at ${timestamp}
    );
    create table crucible_messages (
      id varchar not null primary key,
      chat_session_id varchar not null references crucible_chat_sessions (id),
      role ${enumType('messagerole')} not null,
      content text not null,
      message_metadata json,
      created_at ${timestamp}
    );
    create table crucible_runs (
      id varchar not null primary key,
      project_id varchar not null references crucible_projects (id),
      mode ${enumType('runmode')} not null,
      config json,
      recommended_message_id varchar references crucible_messages (id),
      recommended_config_snapshot json,
      ui_trigger_id ${shortText},
      ui_trigger_source ${enumType('runtriggersource')},
      ui_trigger_metadata json,
      ui_triggered_at ${timestamp},
      run_summary_message_id varchar references crucible_messages (id),
      chat_session_id varchar references crucible_chat_sessions (id),
      status ${enumType('runstatus')},
      created_at ${timestamp},
      started_at ${timestamp},
      completed_at ${timestamp},
      duration_seconds ${float},
      candidate_count ${counter},
      scenario_count ${counter},
      evaluation_count ${counter},
      metrics json,
      llm_usage json,
      error_summary text
    );
    ${origin === 'alembic' ? version : ''}`;
}
