import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { access, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiDescription } from '../support/apiDescription.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { pushEvents } from '../support/pushEvents.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';
import { agentFleet } from './agentFleet.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENT = readFileSync(new URL('../../docs/for-agents.md', import.meta.url), 'utf8');
const TOKENS = {
  ingest: 'ingest-token-of-the-fleet',
  viewer: 'viewer-token-of-an-agent',
  operator: 'operator-token-of-agent',
};
/** All that an example may call; npx is there for the command line, which brings node and env. */
const COMMANDS = ['bash', 'curl', 'jq', 'npx', 'node', 'env', 'sh'];

/** Each block of shell, with the block of text that states its output, below the heading it stands under. */
const EXAMPLES = DOCUMENT.split(/^(?=##+ )/m).flatMap((section) => {
  const [heading = ''] = section.split('\n', 1);
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```\n+(?:```text\n(.*?)^```$)?/gms)];
  return blocks.map(([, script = '', output], i) => ({
    name: `${heading.replace(/^#+ /, '')} (${i + 1})`,
    script,
    output,
  }));
});

let database: TestDatabase;
let exporter: ExporterProcess;
let commands: TemporaryDirectory;

beforeAll(async () => {
  commands = await temporaryDirectory('commands');
  for (const command of COMMANDS) await symlink(await found(command), join(commands.path, command));
  database = await migratedDatabase({ synchronousCommit: 'off' });
  exporter = await startExporter({
    config: {
      ledger: { database_url: database.connectionString, settle_after: '0s' },
      tokens: Object.entries(TOKENS).map(([role, token]) => ({ name: role, role, token })),
      budgets: { per_repo_daily_usd: 20, contact: '#platform-admins' },
      actions_on_exceed: ['pause new sessions on the affected scope', 'require admin acknowledge to resume'],
    },
  });
  const events = agentFleet(Date.now());
  expect(await pushEvents(exporter.url, TOKENS.ingest, events)).toMatchObject({
    accepted: events.length,
    rejected: [],
  });
  const read = async (path: string) => {
    const response = await fetch(exporter.url + path, { headers: { authorization: `Bearer ${TOKENS.viewer}` } });
    return (await response.json()) as { data?: { runs: number }[]; allowed?: boolean };
  };
  // The figures and the gate follow the ledger within a moment.
  await waitFor(async () => (await read('/api/v1/analytics/runs')).data?.[0]?.runs === 9, { what: 'the figures' });
  await waitFor(async () => (await read('/api/v1/gate?project=acme/storefront')).allowed === false, {
    what: 'the pause',
  });
});
afterAll(async () => {
  await exporter?.stop();
  await database?.drop();
  await commands?.remove();
});

async function found(command: string): Promise<string> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    // vitest's own PATH begins with the packages' commands; npx and node are those of the system.
    const path = join(directory, command);
    if (
      !directory.includes('node_modules') &&
      (await access(path).then(
        () => true,
        () => false,
      ))
    )
      return path;
  }
  throw new Error(`found no ${command} on the PATH; scripts/install-test-tools.sh installs it`);
}

async function run(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: ROOT,
    env: {
      PATH: commands.path,
      HOME: commands.path,
      npm_config_update_notifier: 'false',
      FLEETLENS_URL: exporter.url,
      FLEETLENS_TOKEN: TOKENS.viewer,
      FLEETLENS_OPERATOR_TOKEN: TOKENS.operator,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

describe('docs/for-agents.md', () => {
  it('has the examples, each with what it prints', () => {
    expect(EXAMPLES.length).toBeGreaterThan(12);
    expect(EXAMPLES.filter(({ output }) => output === undefined).map(({ name }) => name)).toEqual([]);
  });

  // In the order of the document: the last one changes something.
  it.each(EXAMPLES)('$name prints what is stated', async ({ script, output }) => {
    const { code, stdout, stderr } = await run(script);
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: output });
  });

  it('says of every status that is no success what to do', async () => {
    const { document } = await ApiDescription.load(exporter.url);
    const statuses = Object.values(document.paths)
      .flatMap(Object.values)
      .flatMap(({ responses }) => Object.keys(responses))
      .filter((status) => Number(status) >= 400);
    const stated = [...DOCUMENT.matchAll(/^\| (\d{3}) \|/gm)].map(([, status]) => status);
    expect(stated).toEqual([...new Set(statuses)].sort());
  });
});
