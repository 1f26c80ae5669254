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
  options: { allows(family: string): boolean; onFailure(family: string, error: unknown): void },
): Promise<string> {
  let text = '';
  for (const metric of registry.getMetricsAsArray()) {
    // prom-client has name and get() on every metric; its type for "any metric" declares neither.
    const { name } = metric as unknown as { name: string };
    if (!options.allows(name)) continue;
    try {
      text += renderMetric(name, await (metric as unknown as Gauge).get(), format);
    } catch (error) {
      options.onFailure(name, error);
    }
  }
  return text;
}

function renderMetric(name: string, metric: Awaited<ReturnType<Gauge['get']>>, format: Format): string {
  const { help, values } = metric;
  const type = String(metric.type);
  if (values.length === 0) return '';
  const lines = values.map((sample) => {
    // Of a histogram's samples each says whether it is a bucket, the sum or the count.
    const { metricName = name } = sample as { metricName?: string };
    const pairs = Object.entries(sample.labels).filter(([, value]) => value !== undefined);
    const rendered = labelPairs(
      pairs.map(([label]) => label),
      pairs.map(([label, value]) => {
        const isEdge = label === 'le' && type === 'histogram' && value !== '+Inf';
        return isEdge ? formatEdge(Number(value), format) : String(value);
      }),
    );
    return `${metricName}${rendered === '' ? '' : `{${rendered}}`} ${formatNumber(sample.value)}\n`;
  });
  const openType = format === 'openmetrics' && type === 'counter' && !name.endsWith('_total') ? 'unknown' : type;
  return familyHeader({ name, type: openType, help }, format) + lines.join('');
}
