import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { METRIC_CATALOGUE } from '../../exporter/src/contract/metricCatalogue.ts';
import { type ExporterProcess, startExporter } from '../support/exporterProcess.ts';
import { migratedDatabase, type TestDatabase } from '../support/postgres.ts';
import { promtool } from '../support/promtool.ts';
import { pushEvents } from '../support/pushEvents.ts';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';
import { waitFor } from '../support/waitFor.ts';
import { agentFleet } from './agentFleet.ts';

const RULES = fileURLToPath(new URL('../../provisioning/prometheus/rules', import.meta.url));
const RUNBOOK = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');

const SECTIONS = RUNBOOK.split(/^(?=##+ )/m).map((section) => {
  const [, level = '', title = ''] = /^(#+) (.*)$/m.exec(section) ?? [];
  const [, ends = ''] = /^- \*\*Ends\*\*: (.*)$/m.exec(section) ?? [];
  return {
    level: level.length,
    title,
    points: [...section.matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, name]) => name),
    ends,
  };
});
const ALERTS = SECTIONS.filter(({ level, title }) => level === 3 && /^Fleet\w+$/.test(title));
const INCIDENTS = SECTIONS.filter(({ level, title }) => level === 3 && !/^Fleet\w+$/.test(title));
const TROUBLESHOOTING = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
// Within a table a pipe is escaped.
const CODE = [...`${RUNBOOK}\n${TROUBLESHOOTING.replaceAll('\\|', '|')}`.matchAll(/(?<!`)`([^`\n]+)`(?!`)/g)].map(
  ([, code = '']) => code,
);
const COMMANDS = [...new Set(CODE.filter((code) => /^(fl|act) /.test(code)))];
/** An expression: it names a family and is no command. A family alone is one too. */
const QUERIES = [
  ...new Set(
    CODE.filter(
      (code) => /\b(fleet|fleetlens)_[a-z]|\bup\{/.test(code) && !/^(fl|act|npx|curl|docker|amtool) /.test(code),
    ),
  ),
];

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert?: string; readonly keep_firing_for?: string }[];
  }[];
}

async function readRules() {
  const files = (await readdir(RULES)).filter((name) => name.endsWith('.yml'));
  const contents = await Promise.all(files.map((name) => readFile(join(RULES, name), 'utf8')));
  return contents.flatMap((content) => (parse(content) as RuleFile).groups.flatMap(({ rules }) => rules));
}

describe('docs/runbook.md', () => {
  it('has a heading for each alert of the rules, and for no other', async () => {
    const names = (await readRules()).flatMap(({ alert }) => alert ?? []);
    expect(names.length).toBeGreaterThan(0);
    expect(ALERTS.map(({ title }) => title).sort()).toEqual([...new Set(names)].sort());
  });

  it('says of each alert what it means, how to diagnose it, what to do, when to escalate and what ends it', () => {
    const incomplete = ALERTS.filter(({ points }) => points.join() !== 'Means,Diagnose,Act,Escalate,Ends');
    expect(incomplete.map(({ title }) => title)).toEqual([]);
  });

  it('says of each alert that goes on firing for how long it does', async () => {
    const kept = (await readRules()).filter(({ keep_firing_for }) => keep_firing_for !== undefined);
    expect(kept.length).toBeGreaterThan(0);
    const silent = kept.filter(({ alert, keep_firing_for = '' }) => {
      const ends = ALERTS.find(({ title }) => title === alert)?.ends ?? '';
      return !ends.includes(keep_firing_for.replace('m', ' minutes after '));
    });
    expect(silent.map(({ alert }) => alert)).toEqual([]);
  });

  it('has three lines for each of the five incidents', () => {
    expect(INCIDENTS.map(({ title, points }) => `${title}: ${points.join()}`)).toEqual(
      ['Budget pause', 'Stuck session', 'Persona regression', 'Bad PR opened', 'GitHub integration token revoked'].map(
        (title) => `${title}: Diagnose,Immediate action,Escalation`,
      ),
    );
  });

  it('leads to headings that it has', () => {
    const anchors = SECTIONS.map(({ title }) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...RUNBOOK.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.filter((anchor) => !anchors.includes(anchor ?? ''))).toEqual([]);
  });

  it('has queries that Prometheus takes, of families and labels that exist', async () => {
    expect(QUERIES.length).toBeGreaterThan(25);
    const directory = await temporaryDirectory('runbook');
    const file = join(directory.path, 'queries.yml');
    const rules = QUERIES.map((expr, i) => ({ record: `query${i}`, expr }));
    await writeFile(file, stringify({ groups: [{ name: 'runbook', rules }] }));
    const { exitCode, output } = await promtool(['check', 'rules', file]);
    await directory.remove();
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    const unknown = QUERIES.flatMap((query) =>
      [...query.matchAll(/\b(fleet(?:lens)?_\w+)(?:\{([^}]*)\})?/g)].flatMap(([, name = '', matchers = '']) => {
        const family = METRIC_CATALOGUE.find((known) => known.name === name.replace(/_(bucket|sum|count)$/, ''));
        if (family === undefined) return [name];
        const labels = [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label = '']) => label);
        return labels.filter((label) => !family.labels.includes(label)).map((label) => `${name}{${label}}`);
      }),
    );
    expect(unknown).toEqual([]);
  });
});

describe('the commands of docs/runbook.md and docs/troubleshooting.md', () => {
  const TOKENS = { ingest: 'ingest-token-of-the-fleet', admin: 'admin-token-of-on-call' };
  let database: TestDatabase;
  let exporter: ExporterProcess;
  beforeAll(async () => {
    database = await migratedDatabase({ synchronousCommit: 'off' });
    exporter = await startExporter({
      config: {
        ledger: { database_url: database.connectionString, settle_after: '0s' },
        tokens: Object.entries(TOKENS).map(([role, token]) => ({ name: role, role, token })),
        budgets: { per_repo_daily_usd: 20 },
        actions_on_exceed: ['pause new sessions on the affected scope', 'require admin acknowledge to resume'],
      },
    });
    await pushEvents(exporter.url, TOKENS.ingest, agentFleet(Date.now()));
    const gate = `${exporter.url}/api/v1/gate?project=acme/storefront`;
    const headers = { authorization: `Bearer ${TOKENS.admin}` };
    const isPaused = async () =>
      ((await (await fetch(gate, { headers })).json()) as { allowed: boolean }).allowed === false;
    await waitFor(isPaused, { what: 'the pause' });
  });
  afterAll(async () => {
    await exporter?.stop();
    await database?.drop();
  });

  it('there are some', () => expect(COMMANDS.length).toBeGreaterThan(30));

  const [, setup = ''] = /^```sh\n(.*?)^```$/ms.exec(RUNBOOK) ?? [];
  it.each(COMMANDS)('%s', async (command) => {
    await using directory = await temporaryDirectory('command');
    const child = spawn('bash', ['-euo', 'pipefail', '-c', `${setup}\n${command}`], {
      cwd: directory.path,
      env: {
        PATH: process.env.PATH,
        FLEETLENS_URL: exporter.url,
        FLEETLENS_TOKEN: TOKENS.admin,
        // What the labels of an alert give.
        source: 'platform',
        project: 'acme/storefront',
        workflow: 'fix-issue',
        persona: 'coder',
        category: 'git_push',
        component: 'handleIssueComment',
        run: 'run_106',
        pull_request: 'acme%2Fstorefront%2312',
        since: new Date(Date.now() - 86_400_000).toISOString(),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const code = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(await code, errors).toBe(0);
  });
});
