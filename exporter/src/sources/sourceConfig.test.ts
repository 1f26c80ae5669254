import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporaryDirectory.ts';
import { ConfigError, loadConfig } from '../config.ts';
import { sourceSchemas } from './createSource.ts';

/** Loads a file that stands in `etc/` below the directory where the process runs. */
async function load(yaml: string, env: Record<string, string> = {}) {
  const made = await temporaryDirectory('config');
  onTestFinished(() => made.remove());
  const etc = join(made.path, 'etc');
  await mkdir(etc);
  await writeFile(join(etc, 'fleetlens.yaml'), yaml);
  const config = await loadConfig('etc/fleetlens.yaml', { sourceSchemas, env, cwd: made.path });
  return { etc, options: config.sources.map(({ options }) => options) };
}

async function problemsOf(yaml: string): Promise<readonly string[]> {
  const error = await load(yaml).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw new Error('the file was not refused', { cause: error });
  return error.message.split('\n').slice(1);
}

it('directories and files of sources are found from the directory of the file, wherever the process runs', async () => {
  const { etc, options } = await load(
    `sources:
  - {name: tinker, type: gittinkerer, artifacts: {path: ../artifacts}}
  - {name: logs, type: pino-logs, path: logs/prod.log}
  - {name: set, type: pino-logs, path: "\${LOGS}"}
  - {name: there, type: pino-logs, path: /var/log/service}
  - {name: crucible, type: int-crucible, database_path: ./crucible.db}
`,
    { LOGS: 'more/logs' },
  );
  expect(options).toMatchObject([
    { artifacts: { path: join(etc, '../artifacts') } },
    { path: join(etc, 'logs/prod.log') },
    { path: join(etc, 'more/logs') },
    { path: '/var/log/service' },
    { database_path: join(etc, 'crucible.db') },
  ]);
});

it('a path that is empty or no text is refused where it stands', async () => {
  expect(await problemsOf('sources: [{name: logs, type: pino-logs, path: ""}]\n')).toEqual([
    expect.stringContaining('line 1, sources[0].path: found "", expected'),
  ]);
  expect(await problemsOf('sources: [{name: logs, type: pino-logs, path: [a]}]\n')).toEqual([
    expect.stringContaining('sources[0].path: found a list of 1, expected text'),
  ]);
});

it('a source that names another one names one that is there: of the file, or of a token that pushes for it', async () => {
  const file = (named: string) => `tokens:
  - {name: ci, role: ingest, token: a-token-of-the-tests-01, sources: [pushed]}
sources:
  - {name: hub, type: github, api_key: k, runs_of: [${named}]}
  - {name: jobs, type: trigger-dev, api_key: k, runs_of: ${named}}
  - {name: boxes, type: e2b, api_key: k, sandboxes_of: ${named}}
  - {name: logs, type: pino-logs, path: logs}
`;
  await load(file('logs'));
  await load(file('pushed'));
  const expected = (index: number, field: string, others: string) =>
    `  line ${index + 4}, sources[${index}].${field}: found "log", expected one of ${others}; correct it, add it under sources:, or where it is pushed to the sources: of its ingest token`;
  expect(await problemsOf(file('log'))).toEqual([
    expected(0, 'runs_of[0]', 'boxes, jobs, logs, pushed'),
    expected(1, 'runs_of', 'boxes, hub, logs, pushed'),
    expected(2, 'sandboxes_of', 'hub, jobs, logs, pushed'),
  ]);
});

it('a source names neither itself nor one of nobody', async () => {
  expect(await problemsOf('sources: [{name: jobs, type: trigger-dev, api_key: k, runs_of: jobs}]\n')).toEqual([
    expect.stringContaining('sources[0].runs_of: found "jobs", and there is no other source; correct it'),
  ]);
});
