import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type FamilyName, familyOf } from '../contract/metricCatalogue.ts';
import { type Format, familyHeader, formatEdge, formatNumber, labelPairs } from './exposition.ts';

/** Makes a gauge whose name, help and labels are the catalogue's. */
export function selfGauge(registry: Registry, name: FamilyName): Gauge {
  const { help, labels } = familyOf(name);
  return new Gauge({ name, help, labelNames: [...labels], registers: [registry] });
}

/** Makes a counter whose name, help and labels are the catalogue's. */
export function selfCounter(registry: Registry, name: FamilyName): Counter {
  const { help, labels } = familyOf(name);
  return new Counter({ name, help, labelNames: [...labels], registers: [registry] });
}

/** Makes a histogram whose name, help, labels and buckets are the catalogue's. */
export function selfHistogram(registry: Registry, name: FamilyName): Histogram {
  const { help, labels, buckets } = familyOf(name);
  return new Histogram({ name, help, labelNames: [...labels], buckets: [...(buckets ?? [])], registers: [registry] });
}

/** The registry of this process: prom-client's default families; parts add their own. */
export function createSelfRegistry(build: { version: string; revision: string }): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // prom-client keeps these gauges under names that only a counter may have; nodejs_active_* without _total says the same.
  for (const name of ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']) {
    registry.removeSingleMetric(name);
  }
  selfGauge(registry, 'fleetlens_build_info').set({ ...build, node: process.version }, 1);
  return registry;
}

/**
 * Renders prom-client's metrics in either format. A collector that throws loses its own family and no other.
 * @param onFailure is told which family failed and why.
 */
export async function renderSelfMetrics(
  registry: Registry,
  format: Format,
  onFailure: (family: string, error: unknown) => void,
): Promise<{ text: string; series: Map<string, number> }> {
  let text = '';
  const series = new Map<string, number>();
  for (const metric of registry.getMetricsAsArray()) {
    const { name } = metric as unknown as { name: string };
    try {
      const { help, type, values } = await (metric as unknown as Gauge).get();
      const kind = String(type);
      const lines = values.map((sample) => {
        const { metricName } = sample as { metricName?: string };
        const pairs = Object.entries(sample.labels).filter(([, value]) => value !== undefined);
        const rendered = labelPairs(
          pairs.map(([label]) => label),
          pairs.map(([label, value]) => {
            const edge = label === 'le' && kind === 'histogram' && value !== '+Inf';
            return edge ? formatEdge(Number(value), format) : String(value);
          }),
        );
        return `${metricName ?? name}${rendered === '' ? '' : `{${rendered}}`} ${formatNumber(sample.value)}\n`;
      });
      if (lines.length === 0) continue;
      const openType = format === 'openmetrics' && kind === 'counter' && !name.endsWith('_total') ? 'unknown' : kind;
      text += familyHeader({ name, type: openType, help }, format) + lines.join('');
      series.set(name, lines.length);
    } catch (error) {
      onFailure(name, error);
    }
  }
  return { text, series };
}
