/**
 * What `npm test` runs: each check, then every test of the plugin (Jest), of all else (vitest), and of the plugin in a real Grafana
 * (Playwright) where one is found. It keeps going after a failure, and its last line is the
 * sum of all: `N passed, N failed`, with `, N skipped` where there are some.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGrafana } from './browser/findGrafana.ts';
import { addCounts, type Counts, countPlaywrightTests, countTests, formatCounts, NONE } from './support/testCounts.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const CHECKS: readonly Check[] = [
  { name: 'test tools', command: 'bash', args: ['scripts/install-test-tools.sh'] },
  { name: 'types', command: 'npm', args: ['run', '--silent', 'typecheck'] },
  { name: 'format and lint', command: 'npm', args: ['run', '--silent', 'lint'] },
  { name: 'dead exports', command: 'npm', args: ['run', '--silent', 'deadcode'] },
  { name: 'generated files', command: 'npm', args: ['run', '--silent', 'check:generated'] },
  // The browser tests load what is built here.
  { name: 'plugin build', command: 'npm', args: ['run', '--silent', 'build', '-w', 'plugin'] },
];

const results: { readonly name: string; readonly counts: Counts; readonly seconds: number }[] = [];

for (const check of CHECKS) {
  await measured(check.name, async () => {
    const code = await run(check.command, check.args);
    return { ...NONE, [code === 0 ? 'passed' : 'failed']: 1 };
  });
}
const plugin = await measured('plugin', () =>
  runTests('npm', (file) => [
    'run',
    '--silent',
    'test',
    '-w',
    'plugin',
    '--',
    '--ci',
    '--json',
    `--outputFile=${file}`,
  ]),
);
const tests = await measured('tests', () =>
  runTests('vitest', (file) => ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]),
);
const GRAFANA_REPORT = join(ROOT, 'test/e2e-grafana/report/results.json');
const NO_GRAFANA =
  'Skipped: no Grafana was found (GRAFANA_URL, GRAFANA_HOME, or an installed package), so the plugin was not tried in a real one.';
await measured('real Grafana', async () => {
  if (findGrafana() === undefined) {
    console.log(NO_GRAFANA);
    return { ...NONE, skipped: 1 };
  }
  await rm(GRAFANA_REPORT, { force: true });
  const code = await run('npm', ['run', '--silent', 'plugin:e2e']);
  return countPlaywrightTests(await readReport(GRAFANA_REPORT), code);
});

console.log('\nSummary');
for (const { name, counts, seconds } of results) {
  console.log(`  ${name.padEnd(16)} ${formatCounts(counts)} (${seconds.toFixed(1)} s)`);
}
const isEmpty = tests.passed === 0 || plugin.passed === 0;
if (isEmpty) console.log('  No test passed in one of them: that is a failure, whatever the checks say.');

const total = results.map(({ counts }) => counts).reduce(addCounts, NONE);
process.exitCode = total.failed > 0 || isEmpty ? 1 : 0;
console.log(formatCounts(total));

async function measured(name: string, work: () => Promise<Counts>): Promise<Counts> {
  console.log(`\n== ${name}`);
  const start = performance.now();
  const counts = await work();
  results.push({ name, counts, seconds: (performance.now() - start) / 1000 });
  return counts;
}

/** Both runners write their results as JSON, of the same shape, beside what they print; the exit code has the last word. */
async function runTests(command: string, args: (reportFile: string) => readonly string[]): Promise<Counts> {
  const directory = await mkdtemp(join(tmpdir(), 'fleetlens-results-'));
  const file = join(directory, 'results.json');
  try {
    const code = await run(command, args(file));
    const report = await readReport(file);
    if (report === undefined) console.log(`${command} wrote no results`);
    return countTests(report, code);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function readReport(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Runs a command of the project with its output on the terminal and no stdin. @returns its exit code; 1 after a signal */
function run(command: string, args: readonly string[]): Promise<number> {
  const path = [join(ROOT, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`Cannot run ${command}; run \`npm ci\` first`, { cause })));
    child.once('close', (code, signal) => {
      if (signal !== null) console.log(`${command} was ended by ${signal}`);
      resolve(code ?? 1);
    });
  });
}
