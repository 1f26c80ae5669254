import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { ALERT_SEVERITIES, type AlertName } from '../../provisioning/rules/alertNames.ts';
import { JOB } from '../../provisioning/rules/promql.ts';
import { checkObjective } from '../../provisioning/rules/runs.ts';
import { SCENE_FILES } from '../../provisioning/rules/scenes/index.ts';
import { promtoolTest } from '../../provisioning/rules/scenes/scene.ts';
import { promtool } from '../support/promtool.ts';
import { findPromtools } from './promtools.ts';
import { groupingOf, labelsOfSeries, selectorsOf } from './readExpression.ts';

const PROVISIONING = fileURLToPath(new URL('../../provisioning/prometheus', import.meta.url));
const RULES = join(PROVISIONING, 'rules');
const TESTS = join(RULES, 'tests');
const yamlFiles = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yml'))
    .map((name) => join(folder, name));

interface Rule {
  readonly alert?: AlertName;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
const rules = yamlFiles(RULES).flatMap((file) =>
  (parse(readFileSync(file, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules),
);
const alerts = rules.filter((rule) => rule.alert !== undefined);
const recorded = new Map(rules.flatMap(({ record, expr }) => (record === undefined ? [] : [[record, expr] as const])));

/** An expression with what was recorded put in its place. */
function resolved(expression: string): string {
  return expression.replace(/[a-z_]+:fleet_\w+:\w+/g, (name) => {
    const expr = recorded.get(name);
    if (expr === undefined) throw new Error(`${name} is recorded by no rule`);
    return `(${resolved(expr)})`;
  });
}
const labelsIn = (expression: string) =>
  new Set(selectorsOf(resolved(expression)).flatMap(({ series }) => labelsOfSeries(series) ?? []));

describe.each(findPromtools())('promtool $version', ({ command }) => {
  it('finds the rules in order, duplicates included', async () => {
    const { exitCode, output } = await promtool(
      ['check', 'rules', '--lint=all', '--lint-fatal', ...yamlFiles(RULES)],
      '',
      command,
    );
    expect(output).not.toContain('FAILED');
    expect(exitCode).toBe(0);
  });

  it.each(yamlFiles(TESTS).map((file) => [basename(file), file]))('%s', async (_name, file) => {
    const { exitCode, output } = await promtool(['test', 'rules', file], '', command);
    expect(output).not.toContain('FAILED');
    expect(exitCode).toBe(0);
  });
});

describe('the alerts', () => {
  it('are those of the catalogue, with their severities', () => {
    const severities = Object.fromEntries(alerts.map(({ alert, labels }) => [alert, labels?.severity]));
    expect(severities).toEqual(ALERT_SEVERITIES);
  });

  it('that share a name differ in a label', () => {
    const sets = alerts.map(({ alert, labels }) => JSON.stringify([alert, labels]));
    expect(sets).toEqual([...new Set(sets)]);
  });

  it('each fire in a scene, and stay quiet in one', () => {
    for (const name of Object.keys(ALERT_SEVERITIES)) {
      const scenes = SCENE_FILES.flatMap((file) => file.scenes).filter((scene) => scene.alert === name);
      const cases = scenes.flatMap((scene) => scene.cases);
      expect(
        cases.some(({ fires = {} }) => Object.keys(fires).length > 0),
        `${name} fires`,
      ).toBe(true);
      if (name !== 'FleetWatchdog')
        expect(
          cases.some(({ fires }) => fires === undefined),
          `${name} stays quiet`,
        ).toBe(true);
    }
  });

  /** The external label of Prometheus, or what works beside it on one machine. */
  const GRAFANA = '{{ or $externalLabels.grafana_url "http://localhost:3000" | reReplaceAll "/+$" "" }}';
  const runbook = readFileSync(fileURLToPath(new URL('../../docs/runbook.md', import.meta.url)), 'utf8');
  const headings = new Set([...runbook.matchAll(/^#+ (\w+)$/gm)].map(([, text = '']) => text.toLowerCase()));
  it.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))(
    '%s says what, where to look and what to do',
    (name, rule) => {
      const { summary, description, runbook_url, dashboard_url, run_url, ...others } = rule.annotations ?? {};
      expect(others).toEqual({});
      expect(summary).toBeTruthy();
      expect(description).toBeTruthy();
      expect(runbook_url).toBe(`${GRAFANA}/a/fleetlens-fleet-app/runbook#${name.toLowerCase()}`);
      expect(headings, 'headings of docs/runbook.md').toContain(name.toLowerCase());
      expect(dashboard_url?.replace(GRAFANA, '')).toMatch(/^\/d\/fleetlens-\w+(\?var-|$)/);
      if (run_url !== undefined) {
        expect(run_url).toContain(`${GRAFANA}/a/fleetlens-fleet-app/find?oldest=`);
        // What counts time-outs as well leads to them as well.
        if (/timed_out|unresolved_failure/.test(resolved(rule.expr))) expect(run_url).toContain('?oldest=unattended');
      }
      const used = JSON.stringify(rule.annotations).matchAll(/\$labels\.(\w+)/g);
      const known = [...labelsIn(rule.expr), ...Object.keys(rule.labels ?? {})];
      for (const [, label] of used) expect(known).toContain(label);
    },
  );
});

describe('each expression', () => {
  it.each(rules.map((rule) => [rule.alert ?? rule.record ?? '', rule] as const))(
    'of %s reads what the exporter exposes',
    (_name, { expr }) => {
      for (const { series, labels } of selectorsOf(resolved(expr))) {
        const known = labelsOfSeries(series);
        expect(known, `${series} is in the catalogue`).toBeDefined();
        for (const label of labels) expect([...(known ?? []), 'job'], `${series} has ${label}`).toContain(label);
      }
      const known = labelsIn(expr);
      for (const label of groupingOf(expr)) expect([...known], expr).toContain(label);
    },
  );

  it('takes replicas for one: before it sums, and wherever it reads the fleet', () => {
    for (const { expr } of rules) {
      for (const [sum] of expr.matchAll(/\bsum by \([^)]*\) \((?!max without \(instance, pod, replica\))[^)]*/g))
        expect(sum).toMatch(/\((up\{|[a-z_]+:)/);
      for (const { series } of selectorsOf(expr).filter((one) => !one.series.includes(':'))) {
        if (series === 'up' || series === 'fleetlens_source_catching_up') continue;
        expect(expr).toMatch(/(max|min) without \(instance, pod, replica\)/);
      }
    }
  });

  it('of a window leaves out what catches up, or is of those that speak of now', () => {
    const exempt = /^Fleet(IntegrationAuthFailing|StoreErrors|IngestRefused|SeriesFolded)$/;
    for (const { alert = '', expr } of alerts) {
      const windows = /\[\w+(:\w+)?\]/.test(
        resolved(expr).replace(/max_over_time\(fleetlens_source_catching_up\[\w+\]\)/g, ''),
      );
      expect(expr.includes('fleetlens_source_catching_up'), alert).toBe(windows && !exempt.test(alert));
    }
  });
});

it('an objective that no burn can miss is refused', () => {
  expect(() => checkObjective({ objective: 0.93, fast_burn: 14.4 })).toThrow('expected one above 0.9306');
  expect(() => checkObjective({ objective: 0.95, fast_burn: 14.4 })).not.toThrow();
});

it('the shipped Prometheus scrapes the job that the rules name, reads the rules and keeps classic histograms', () => {
  const config = parse(readFileSync(join(PROVISIONING, 'prometheus.yml'), 'utf8'));
  const job = config.scrape_configs.find((one: { job_name: string }) => one.job_name === JOB);
  expect(job).toBeDefined();
  expect(config.rule_files).toEqual(['rules/*.yml']);
  // It would take the buckets, which a rule reads, and their exemplars away.
  expect(JSON.stringify(config)).not.toContain('convert_classic_histograms_to_nhcb');
});

/** promtool tells the annotations of an alert that it did not expect. */
it('the annotations of every alert can be read', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'fleetlens-rules-'));
  const told = new Set<string | undefined>();
  try {
    for (const { name, rules: ruleFile, evaluationInterval, scenes } of SCENE_FILES) {
      const tests = scenes.flatMap((scene) => {
        const firing = scene.cases.find(({ fires }) => fires !== undefined);
        if (firing === undefined) return [];
        const minute = Number(Object.keys(firing.fires ?? {}).at(-1));
        const { input_series, interval } = promtoolTest({ ...scene, at: [minute] }, 2) as Record<string, unknown>;
        const unexpected = { eval_time: `${minute}m`, alertname: scene.alert, exp_alerts: [] };
        return [{ interval, input_series, alert_rule_test: [unexpected] }];
      });
      const file = join(directory, `${name}.yml`);
      const content = { rule_files: [join(RULES, `${ruleFile}.yml`)], evaluation_interval: evaluationInterval, tests };
      await writeFile(file, stringify(content));
      const { output } = await promtool(['test', 'rules', file]);
      for (const [, alert] of output.matchAll(/Labels:\{.*?alertname="(\w+)"/g)) told.add(alert);
      expect(output).not.toMatch(/error expanding|no value|NaN|%!/);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
  expect([...told].sort()).toEqual(Object.keys(ALERT_SEVERITIES).sort());
});
