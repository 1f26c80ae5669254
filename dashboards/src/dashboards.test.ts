import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { familyOf, isFamilyName, METRIC_CATALOGUE } from '../../exporter/src/contract/metricCatalogue.ts';
import { APP_PATH } from '../../plugin/src/constants.ts';
import { FILTERS, QUERY_TYPES } from '../../plugin/src/datasource/types.ts';
import { promtool } from '../../test/support/promtool.ts';
import { DASHBOARDS } from './index.ts';
import { UIDS } from './kit/links.ts';
import { failureRate } from './kit/promql.ts';
import { FLEET, PROMETHEUS } from './kit/targets.ts';
import { expressionsOf, linksOf, panelsOf, targetsOf } from './testing/readDashboards.ts';
import { readGroupedLabels, readSeries } from './testing/readExpression.ts';

const RULES = new URL('../../provisioning/prometheus/rules/', import.meta.url);
const PAGES = new URL('../../plugin/src/app/pages.ts', import.meta.url);
/** Of every target, whatever it exposes. */
const TARGET_LABELS = ['job', 'instance', 'pod', 'replica'];
/** Prometheus' own, and the exporter's default process and Node.js families. */
const FOREIGN = /^(up|ALERTS|ALERTS_FOR_STATE|process_\w+|nodejs_\w+)$/;
const OF_ALERTS = ['alertname', 'alertstate', 'severity', 'source', 'project', 'workflow'];
const ONE_OF_THE_REPLICAS = 'max without (instance, pod, replica)';

/** As Grafana would with "All" chosen. */
function replaced(expr: string): string {
  return expr
    .replace(/\$__(rate_interval|interval)/g, '5m')
    .replaceAll('$__range', '1d')
    .replace(/\$\{?(datasource|fleet|source|project|workflow|persona)\}?/g, '.*');
}

const expressions = DASHBOARDS.flatMap((dashboard) =>
  expressionsOf(dashboard).map(({ where, expr }) => ({ where, expr: replaced(expr) })),
);
let recorded: ReadonlySet<string>;
let pages: ReadonlySet<string>;
beforeAll(async () => {
  const names = (await readdir(RULES).catch(() => [])).filter((name) => name.endsWith('.yml'));
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, RULES), 'utf8')));
  recorded = new Set(texts.flatMap((text) => [...text.matchAll(/record: (\S+)/g)].map(([, name = '']) => name)));
  pages = new Set([...(await readFile(PAGES, 'utf8')).matchAll(/path: '(\w+)'/g)].map(([, path = '']) => path));
});

/** The family of a series, of a histogram's parts too. */
function familyNameOf(series: string): string {
  const base = series.replace(/_(bucket|sum|count)$/, '');
  const family = METRIC_CATALOGUE.find(({ name }) => name === base);
  return family?.type === 'histogram' || family?.type === 'summary' ? base : series;
}

describe('expressions', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fleetlens-expressions-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('are valid PromQL', async () => {
    const rules = expressions.map(({ where, expr }, at) => ({ record: `e${at}`, expr, labels: { where } }));
    const file = join(directory, 'rules.yml');
    await writeFile(file, stringify({ groups: [{ name: 'dashboards', rules }] }));
    const { exitCode, output } = await promtool(['check', 'rules', '--lint=none', file]);
    expect(exitCode, output).toBe(0);
    expect(expressions.length).toBeGreaterThan(200);
  });

  it('name series and labels that the exporter, Prometheus or the rules have', () => {
    const wrong = expressions.flatMap(({ where, expr }) =>
      readSeries(expr).flatMap(({ name, labels }) => {
        if (FOREIGN.test(name) || recorded.has(name)) return [];
        const family = familyNameOf(name);
        if (!isFamilyName(family)) return [`${where}: there is no ${name}`];
        const { type } = familyOf(family);
        if (type === 'histogram' && family === name)
          return [`${where}: ${name} is a histogram, take _bucket, _sum or _count`];
        const known = [...familyOf(family).labels, ...TARGET_LABELS, ...(name.endsWith('_bucket') ? ['le'] : [])];
        return labels.filter((label) => !known.includes(label)).map((label) => `${where}: ${name} has no ${label}`);
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('group by labels that their series have', () => {
    const wrong = expressions.flatMap(({ where, expr }) => {
      const known = new Set([
        ...TARGET_LABELS,
        ...readSeries(expr).flatMap(({ name }) => {
          const family = familyNameOf(name);
          if (/^ALERTS/.test(name)) return OF_ALERTS;
          return isFamilyName(family) ? ['le', ...familyOf(family).labels] : [];
        }),
      ]);
      return readGroupedLabels(expr)
        .filter((label) => !known.has(label))
        .map((label) => `${where}: ${label}`);
    });
    expect(wrong).toEqual([]);
  });

  it('count what replicas share once', () => {
    const wrong = expressions.flatMap(({ where, expr }) =>
      readSeries(expr).flatMap(({ name, calls }) => {
        const family = familyNameOf(name);
        if (!isFamilyName(family) || familyOf(family).from === 'self' || where.includes('variable')) return [];
        // What takes the greatest or the least takes the same of one as of several.
        const isOnce = calls.includes(ONE_OF_THE_REPLICAS) || /^(max|min)( by|$)/.test(calls[0] ?? '');
        return isOnce ? [] : [`${where}: ${name} in ${calls.join(' < ')}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('show every family of the exporter somewhere', () => {
    const shown = new Set(expressions.flatMap(({ expr }) => readSeries(expr).map(({ name }) => familyNameOf(name))));
    expect(METRIC_CATALOGUE.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  });
});

describe.each(DASHBOARDS.map((dashboard) => [dashboard.uid ?? '', dashboard] as const))('%s', (uid, dashboard) => {
  it('has numbered panels that do not overlap', () => {
    const all = [...(dashboard.panels ?? []), ...panelsOf(dashboard)];
    const numbers = new Map(all.map((panel) => [panel, panel.id]));
    const ids = [...numbers.values()];
    expect(ids.every((id) => Number.isInteger(id) && Number(id) > 0)).toBe(true);
    expect(new Set(ids).size).toBe(numbers.size);
    const taken = new Set<string>();
    for (const panel of numbers.keys()) {
      const { x, y, w, h } = panel.gridPos ?? { x: -1, y: -1, w: 0, h: 0 };
      expect(x + w, panel.title).toBeLessThanOrEqual(24);
      for (let row = y; row < y + h; row++) {
        for (let column = x; column < x + w; column++) {
          const cell = `${column}/${row}`;
          expect(taken.has(cell), `${panel.title} stands over another panel`).toBe(false);
          taken.add(cell);
        }
      }
    }
  });

  it('says of each panel what it shows, in which unit, and what stands there where there is nothing', () => {
    for (const panel of panelsOf(dashboard)) {
      const { unit, noValue } = panel.fieldConfig?.defaults ?? {};
      expect(panel.title, JSON.stringify(panel.targets)).toBeTruthy();
      expect(panel.description?.length, panel.title).toBeGreaterThan(10);
      expect(unit, panel.title).toBeTruthy();
      expect(noValue, panel.title).toBeTruthy();
      expect(targetsOf(panel).length, panel.title).toBeGreaterThan(0);
    }
    expect(dashboard.description).toBeTruthy();
    expect(dashboard.tags).toContain('fleetlens');
  });

  it('knows its data sources by its variables alone', () => {
    const uids = JSON.stringify(dashboard).matchAll(/"datasource":\{"type":"([^"]*)","uid":"([^"]*)"\}/g);
    const pairs = new Set([...uids].map(([, type, variable]) => `${type} ${variable}`));
    expect([...pairs].sort()).toEqual([FLEET, PROMETHEUS].map(({ type, uid }) => `${type} ${uid}`));
    const names = (dashboard.templating?.list ?? []).map(({ name }) => name);
    expect(names.slice(0, 6)).toEqual(['datasource', 'fleet', 'source', 'project', 'workflow', 'persona']);
    for (const panel of panelsOf(dashboard)) {
      const refs = targetsOf(panel).map(({ refId }) => refId);
      expect(new Set(refs).size, panel.title).toBe(refs.length);
      for (const { datasource } of targetsOf(panel))
        expect(datasource?.uid, panel.title).toMatch(/^\$\{(datasource|fleet)\}$/);
    }
  });

  it('asks our data source what it answers', () => {
    for (const panel of panelsOf(dashboard)) {
      for (const { queryType, filters = {}, datasource } of targetsOf(panel)) {
        if (datasource?.uid !== FLEET.uid) continue;
        expect(QUERY_TYPES, panel.title).toContain(queryType);
        for (const name of Object.keys(filters)) expect(FILTERS, panel.title).toContain(name);
      }
    }
  });

  it('leads to dashboards and pages that there are, with variables and cells that there are', () => {
    const variables = new Set((dashboard.templating?.list ?? []).map(({ name }) => name));
    const links = linksOf(dashboard).filter(({ url }) => url !== '');
    for (const { where, url, panel } of links) {
      const [, target = '', page = ''] = /^\/(d|a\/fleetlens-fleet-app)\/([\w-]+)\?/.exec(url) ?? [];
      if (target === 'd') expect(Object.values(UIDS), `${where}: ${url}`).toContain(page);
      else {
        expect(`/${target}`, `${where}: ${url}`).toBe(APP_PATH);
        expect([...pages], `${where}: ${url}`).toContain(page);
      }
      for (const [, name = ''] of url.matchAll(/\$\{(\w+)[:}]/g)) {
        expect(variables.has(name) || name === '__url_time_range', `${where}: ${name}`).toBe(true);
      }
      for (const [, cell = ''] of url.matchAll(/__data\.fields\.([\w ]+)/g)) {
        expect(headingsOf(panel), `${where}: ${url}`).toContain(cell);
      }
    }
    expect(links.length, uid).toBeGreaterThan(3);
    // At the head, not in a menu, which the SDK has by default.
    expect((dashboard.links ?? []).map(({ placement }) => placement)).toEqual([undefined, undefined]);
  });
});

/** The headings of a table: columns after they are renamed. */
function headingsOf(panel: Dashboard['panels'] extends (infer P)[] | undefined ? P | undefined : never): string[] {
  const steps = panel !== undefined && 'transformations' in panel ? (panel.transformations ?? []) : [];
  return steps.flatMap(({ id, options }) => (id === 'organize' ? Object.values<string>(options.renameByName) : []));
}

it('are all there, each once', () => {
  expect(DASHBOARDS.map(({ uid }) => uid)).toEqual(Object.values(UIDS));
  const files = fileURLToPath(new URL('../../provisioning/grafana/dashboards/', import.meta.url));
  return expect(readdir(files).then((names) => names.filter((name) => name.endsWith('.json')).sort())).resolves.toEqual(
    Object.values(UIDS)
      .map((uid) => `${uid}.json`)
      .sort(),
  );
});

/** What Prometheus makes of an expression. `values`: series in promtool's notation, a sample a minute. */
async function expectValues(
  expr: string,
  values: Readonly<Record<string, string>>,
  atHours: number,
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'fleetlens-expression-'));
  try {
    const file = join(directory, 'test.yml');
    const samples = Object.entries(expected).map(([labels, value]) => ({ labels, value }));
    const test = {
      interval: '1m',
      input_series: Object.entries(values).map(([series, values]) => ({ series, values })),
      promql_expr_test: [{ expr: replaced(expr), eval_time: `${atHours}h`, exp_samples: samples }],
    };
    await writeFile(file, stringify({ evaluation_interval: '1h', tests: [test] }));
    expect(await promtool(['test', 'rules', file])).toMatchObject({ exitCode: 0 });
  } finally {
    await rm(directory, { recursive: true });
  }
}

it('a share of what has no part is 0', async () => {
  const ended = (workflow: string, status: string) =>
    `fleet_runs_finished_total{workflow="${workflow}",status="${status}",instance="a"}`;
  await expectValues(
    failureRate(['workflow'], '1h'),
    {
      [ended('quiet', 'succeeded')]: '0+1x120',
      [ended('failing', 'succeeded')]: '0+3x120',
      [ended('failing', 'failed')]: '0+1x120',
      [ended('cancelled', 'cancelled')]: '0+1x120',
    },
    2,
    { '{workflow="quiet"}': 0, '{workflow="failing"}': 0.25 },
  );
});

it.each([
  ['is compared with half a day', '_x720 0+1x2160', { '{}': 1 }],
  ['is not compared with the two minutes in which the history began', '_x1438 0+1x1442', {}],
])('what was spent %s', async (_what, values, expected) => {
  const panel = DASHBOARDS.flatMap(panelsOf).find(({ title }) => title === 'Against the time before');
  const [target] = panel === undefined ? [] : targetsOf(panel);
  await expectValues(String(target?.expr), { 'fleet_cost_usd_total{source="s",instance="a"}': values }, 48, expected);
});
