import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatExemplar } from '../../exporter/src/metrics/exposition.ts';
import { JOB } from '../../provisioning/rules/promql.ts';
import { findPromtools } from '../rules/promtools.ts';
import { ROOT } from './composeFile.ts';

const read = (path: string) => parse(readFileSync(join(ROOT, 'provisioning', path), 'utf8'));
const PROMETHEUS = join(ROOT, 'provisioning/prometheus/prometheus.yml');

describe('provisioning', () => {
  it.each(findPromtools())('of Prometheus is right for promtool $version, with its rules', ({ command }) => {
    const said = execFileSync(command, ['check', 'config', PROMETHEUS], { encoding: 'utf8' });
    expect(said).toMatch(/[1-9]\d* rule files found/);
    expect(said).toContain('is valid prometheus config file syntax');
  });

  it('of Prometheus has the job that the rules know', () => {
    const { scrape_configs: jobs } = read('prometheus/prometheus.yml') as { scrape_configs: { job_name: string }[] };
    expect(jobs.map(({ job_name }) => job_name)).toContain(JOB);
  });

  it('of Grafana has the data sources that dashboards and alerts know, with nothing secret in it', () => {
    const { datasources } = read('grafana/datasources/fleetlens.yml');
    const known = datasources.map(({ uid, type }: Record<string, string>) => `${uid} ${type}`);
    expect(known).toEqual([
      'fleetlens-prometheus prometheus',
      'fleetlens-alertmanager alertmanager',
      'fleetlens-fleet fleetlens-fleet-datasource',
    ]);
    const [, , fleet] = datasources;
    expect(fleet.secureJsonData.token).toMatch(/^\$[A-Z_]+$/);
  });

  it('of Grafana leads from an exemplar by a label that the exporter’s exemplars carry', () => {
    const [prometheus] = read('grafana/datasources/fleetlens.yml').datasources;
    const [{ name }] = prometheus.jsonData.exemplarTraceIdDestinations;
    expect(formatExemplar({ runId: 'a', source: 'b', value: 1, at: 1 })).toContain(`${name}="a"`);
  });

  it('of Grafana enables the app', () => {
    const { id } = JSON.parse(readFileSync(join(ROOT, 'plugin/src/plugin.json'), 'utf8'));
    expect(read('grafana/plugins/fleetlens.yml').apps).toEqual([{ type: id, disabled: false }]);
  });
});
