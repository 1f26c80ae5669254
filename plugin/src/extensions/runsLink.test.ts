import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { dateTime } from '@grafana/data';
import { setTemplateSrv } from '@grafana/runtime';
import { DATA_SOURCE_ID } from '../constants';
import { promMatchers } from './promMatchers';
import { runsLink } from './runsLink';

/** As Grafana's: `regex` escapes and joins what was chosen; `$__all` stands where all was. */
const VARIABLES: Readonly<Record<string, string[]>> = {
  project: ['acme/web', 'a.b'],
  one: ['x'],
  all: ['$__all'],
  every: ['.*'],
  many: Array.from({ length: 21 }, (_, n) => `w${n}`),
};
beforeAll(() =>
  setTemplateSrv({
    replace: (text: string, _vars: unknown, format: string | ((value: string | string[]) => string)) =>
      text.replace(/\$(?:(\w+)|\{(\w+)(:regex)?\})/g, (variable, name: string, braced: string, written: string) => {
        const values = VARIABLES[name ?? braced];
        if (values === undefined) return variable;
        if (typeof format === 'function' && written === undefined) return format(values);
        const escaped = values.map((value) => value.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&'));
        return escaped.length === 1 ? String(escaped[0]) : `(${escaped.join('|')})`;
      }),
  } as unknown as Parameters<typeof setTemplateSrv>[0]),
);

const pathFor = (place: object) => runsLink.configure?.(place as never)?.path;
const query = (expr: string) => ({ refId: 'A', expr });

it('goes from a panel to the runs behind it', () => {
  const path = pathFor({
    targets: [query('sum(rate(fleet_runs_total{project=~"$project",source="s",status=~"failed|timed_out"}[5m]))')],
    timeRange: { from: 'now-6h', to: 'now' },
  });
  expect(path).toBe(
    '/a/fleetlens-fleet-app/runs?source=s&project=acme%2Fweb&project=a.b&status=failed&status=timed_out&from=now-6h&to=now',
  );
});

it('reads variables that say how they are written', () => {
  const path = pathFor({
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
    targets: [query('fleet_runs{project=~"${project:regex}",source=~"(${one})",model=~"x$one"}')],
  });
  expect(path).toBe('/a/fleetlens-fleet-app/runs?source=x&project=acme%2Fweb&project=a.b');
});

it('does not filter by what is everything, a pattern or unknown', () => {
  const path = pathFor({
    targets: [
      query('fleet_runs{project=~"$all",source=~".+",status=~"$every",workflow="$nobody",model!="m",persona=~"$many"}'),
    ],
  });
  expect(path).toBe('/a/fleetlens-fleet-app/runs');
});

it('filters by what all queries of a panel have in common', () => {
  const targets = [query('fleet_runs{project="a",source="s"}'), query('fleet_queue_due{source="t"}')];
  expect(pathFor({ targets })).toBe('/a/fleetlens-fleet-app/runs?source=s&source=t');
});

it('goes from a panel of our own data source, and stays with that', () => {
  const datasource = { type: DATA_SOURCE_ID, uid: 'f1' };
  const targets = [{ refId: 'A', datasource, filters: { project: ['$project'], workflow: ['$all'], source: ['s'] } }];
  expect(pathFor({ targets })).toBe('/a/fleetlens-fleet-app/runs?source=s&project=acme%2Fweb&project=a.b&ds=f1');
});

it('is not offered where nothing is about a fleet', () => {
  expect(pathFor({ targets: [query('up{project="a"}')] })).toBeUndefined();
  expect(pathFor({ targets: [{ refId: 'A', rawSql: 'select 1' }] })).toBeUndefined();
  expect(pathFor({ name: 'HostDown', expression: 'up == 0', labels: {} })).toBeUndefined();
  expect(runsLink.configure?.(undefined)).toBeUndefined();
});

it('goes from Explore, with its time', () => {
  const range = { from: dateTime('2026-11-21T10:00:00Z'), to: dateTime('2026-11-21T11:00:00Z') };
  expect(pathFor({ exploreId: 'left', targets: [query('fleet_runs{project="a"}')], timeRange: range })).toBe(
    '/a/fleetlens-fleet-app/runs?project=a&from=2026-11-21T10%3A00%3A00.000Z&to=2026-11-21T11%3A00%3A00.000Z',
  );
});

it('goes from an alert rule and from an alert', () => {
  expect(pathFor({ name: 'FleetRunStuck', expression: 'fleet_x{source="s"} > 1', labels: { project: 'p' } })).toBe(
    '/a/fleetlens-fleet-app/runs?source=s&project=p',
  );
  expect(pathFor({ instance: { labels: { alertname: 'FleetRunStuck', source: 's', workflow: '' } } })).toBe(
    '/a/fleetlens-fleet-app/runs?source=s',
  );
});

it('reads matchers as Prometheus does', () => {
  const read = (expression: string) => Object.fromEntries(promMatchers(expression));
  expect(read('a{b="x\\"y", c =~ "a\\\\.b|c"} + d{b="z"}')).toEqual({ b: ['x"y', 'z'], c: ['a.b', 'c'] });
  expect(read('a{b=~"x.*", c!="y"}')).toEqual({});
});

it('is declared in plugin.json in the same words', () => {
  const { extensions } = JSON.parse(readFileSync(resolve(__dirname, '../plugin.json'), 'utf8'));
  const { title, description, targets } = runsLink;
  expect(extensions.addedLinks).toEqual([{ title, description, targets }]);
});
