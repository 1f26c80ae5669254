import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import { freshDatabase } from './postgres.ts';

/** The tables of GitTinkerer: `run_metrics` word for word from its document, the others with the columns that it names. */
export interface GittinkererDatabase {
  readonly connectionString: string;
  execute(sql: string, values?: readonly unknown[]): Promise<void>;
  drop(): Promise<void>;
}

const SCHEMA = `
  CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    source TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    finished_at TIMESTAMPTZ,
    artifacts_dir TEXT
  );
  CREATE TABLE run_metrics (
    id BIGSERIAL PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(run_id) ON DELETE CASCADE,
    metric_name TEXT NOT NULL,
    metric_value NUMERIC,
    recorded_at TIMESTAMPTZ DEFAULT now()
  );
  CREATE INDEX run_metrics_run_idx ON run_metrics (run_id);
  CREATE INDEX run_metrics_name_idx ON run_metrics (metric_name);
  CREATE INDEX run_metrics_recorded_at_idx ON run_metrics (recorded_at DESC);
  CREATE TABLE paused_repos (repo TEXT PRIMARY KEY, reason TEXT, paused_at TIMESTAMPTZ DEFAULT now());
  CREATE TABLE paused_run_targets (id SERIAL PRIMARY KEY, target TEXT NOT NULL, paused_by TEXT);`;

export async function gittinkererDatabase(): Promise<GittinkererDatabase> {
  const database = await freshDatabase();
  const pool = new Pool({ connectionString: database.connectionString, max: 2 });
  // The server may end a connection, idle or in use; a statement on it fails then, and says so.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  await pool.query(SCHEMA);
  return {
    connectionString: database.connectionString,
    async execute(sql, values = []) {
      await pool.query(sql, [...values]);
    },
    async drop() {
      await pool.end();
      await database.drop();
    },
  };
}

/** A webhook as GitHub sends it for a comment on a pull request. */
export const COMMENT_PAYLOAD = {
  action: 'created',
  issue: {
    number: 17,
    title: 'Rename the flag',
    html_url: 'https://github.com/octo/cli/pull/17',
    user: { login: 'mona' },
    pull_request: { html_url: 'https://github.com/octo/cli/pull/17' },
  },
  comment: {
    body: '@gittinkerer rename --dry',
    html_url: 'https://github.com/octo/cli/pull/17#issuecomment-1',
    user: { login: 'hubot' },
  },
  repository: { full_name: 'octo/cli', html_url: 'https://github.com/octo/cli' },
  sender: { login: 'hubot' },
  installation: { id: 4242 },
};

export const DIFF = `diff --git a/src/flags.ts b/src/flags.ts
index 83db48f..bf269f4 100644
--- a/src/flags.ts
+++ b/src/flags.ts
@@ -1,4 +1,5 @@
 const flags = {
--- dry
+  dryRun: true,
+
+++counter;
 };
\\ No newline at end of file
diff --git a/README.md b/README.md
similarity index 100%
rename from README.md
rename to docs/README.md
`;

/** All files that the document lists for a run that succeeded. */
export function artifactFiles(runId: string, directory: string, runJson: object = {}): Record<string, string> {
  return {
    'payload.json': JSON.stringify(COMMENT_PAYLOAD),
    'run.json': JSON.stringify({
      run_id: runId,
      status: 'succeeded',
      timestamp: directory,
      payload_path: '/srv/artifacts/payload.json',
      artifacts_dir: `/srv/artifacts/${directory}/`,
      started_at: '2026-01-03T14:26:26.695Z',
      finished_at: '2026-01-03T14:26:50.476Z',
      exit_code: 0,
      ...runJson,
    }),
    'agent-run/prompt.txt': 'Rename --dry to --dry-run.\nKeep the old name.',
    'agent-run/diff.patch': DIFF,
    'agent-run/files_changed.json': JSON.stringify(['src/flags.ts', 'docs/README.md']),
    'agent-run/pr_comment.txt': 'Done: renamed the flag.',
    'agent-run/summary.md': '# Summary\nOne flag was renamed.',
    'agent-run/commit_sha.txt': '9fceb02d0ae598e95dc970b74767f19372d61af8\n',
  };
}

export async function writeArtifacts(
  root: string,
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, directory, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, content);
  }
}
