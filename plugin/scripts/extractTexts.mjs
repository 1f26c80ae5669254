/** Writes every text of the code into the file that Grafana loads and translators start from, and prints its name. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PLUGIN = fileURLToPath(new URL('..', import.meta.url));
const { status, stdout, stderr } = spawnSync('npx', ['--no-install', 'i18next-cli', 'extract'], {
  cwd: PLUGIN,
  encoding: 'utf8',
});
// It goes on after a key that it cannot write, which would have no text.
const problems = `${stdout}${stderr}`.split('\n').filter((line) => /error|conflict/i.test(line));
if (status !== 0 || problems.length > 0) {
  console.error(problems.join('\n') || `i18next-cli extract: exit status ${status}\n${stderr}`);
  process.exit(1);
}
console.log('plugin/src/locales/en-US/fleetlens-fleet-app.json');
