import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';
import { firingsOf } from './alertStates.ts';

const run = promisify(execFile);
const MINUTE_MS = 60_000;

// A 1 where the condition holds, minute by minute.
const HISTORIES = ['0111111000000000', '0110111100110000', '1111101111100000', '0101010101010000', '0011111111111111'];
const TIMES = [
  { for: '0s', keep_firing_for: '0s' },
  { for: '2m', keep_firing_for: '0s' },
  { for: '0s', keep_firing_for: '3m' },
  { for: '2m', keep_firing_for: '2m' },
];

it('fires and resolves when Prometheus does, as promtool tells it minute by minute', async () => {
  const directory = await temporaryDirectory('promtool');
  try {
    const rules = TIMES.map((times, i) => ({ alert: `Alert${i}`, expr: 'held == 1', ...times }));
    const tests = HISTORIES.map((history) => ({
      interval: '1m',
      input_series: [{ series: 'held', values: [...history].join(' ') }],
      alert_rule_test: TIMES.flatMap((times, i) => {
        const ms = (text: string) => Number.parseInt(text, 10) * MINUTE_MS;
        const firings = firingsOf(
          [...history].map((_, minute) => minute * MINUTE_MS),
          (at) => history[at / MINUTE_MS] === '1',
          { forMs: ms(times.for), keepFiringForMs: ms(times.keep_firing_for) },
        );
        // What still fires at the end is cut there, so the last minute says nothing.
        return [...history.slice(0, -1)].map((_, minute) => ({
          eval_time: `${minute}m`,
          alertname: `Alert${i}`,
          exp_alerts: firings.some(({ from, to }) => from <= minute * MINUTE_MS && minute * MINUTE_MS < to) ? [{}] : [],
        }));
      }),
    }));
    await writeFile(join(directory.path, 'rules.yml'), stringify({ groups: [{ name: 'states', rules }] }));
    await writeFile(
      join(directory.path, 'tests.yml'),
      stringify({ rule_files: ['rules.yml'], evaluation_interval: '1m', tests }),
    );
    const { stdout } = await run('promtool', ['test', 'rules', 'tests.yml'], { cwd: directory.path });
    expect(stdout).toContain('SUCCESS');
  } finally {
    await directory.remove();
  }
});
