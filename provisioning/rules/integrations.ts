import { once, rise, riseExactly, riseInOpenWindow, unlessCatchingUp } from './promql.ts';
import type { RuleFile } from './ruleFile.ts';
import { valuesOf } from './thresholds.ts';

const adapter = valuesOf('FleetAdapterErrorRateHigh');
const auth = valuesOf('FleetIntegrationAuthFailing');
const volume = valuesOf('FleetErrorVolumeHigh');
const errors = valuesOf('FleetErrorRateAboveBaseline');
const groups = valuesOf('FleetNewErrorGroup');
const path = valuesOf('FleetCriticalPathFailing');
const limited = valuesOf('FleetRateLimitSustained');
const repo = valuesOf('FleetRepoRateLimitedRepeatedly');
const store = valuesOf('FleetStoreErrors');
const hits = valuesOf('FleetCacheHitRateLow');
const evictions = valuesOf('FleetCacheEvictions');
const { bytes } = valuesOf('FleetCacheMemoryHigh');

const ADAPTER = 'source, adapter';
const ADAPTER_CALLS = 'fleet_adapter_requests_total';
const ADAPTER_RATIO = `source_adapter:fleet_adapter_errors_per_request:ratio_increase${adapter.window}`;
const ADAPTER_USUAL = `source_adapter:fleet_adapter_errors_per_request:ratio_increase${adapter.baseline}_offset${adapter.offset}`;
const ADAPTER_VOLUME = `source_adapter:fleet_adapter_requests:increase${adapter.window}`;

const ERRORS = `source:fleet_errors:increase${errors.window}`;
const ERRORS_USUAL = `source:fleet_errors:mean_increase${errors.window}_over${errors.baseline}`;

const HITS = `source:fleet_cache_hits:increase${hits.window}`;
const MISSES = `source:fleet_cache_misses:increase${hits.window}`;
const LOOKUPS = `source:fleet_cache_lookups:increase${hits.window}`;
const HIT_RATIO = `source:fleet_cache_hits_per_lookup:ratio_increase${hits.window}`;

export const ADAPTER_RULES: RuleFile = {
  name: 'fleet-adapters',
  about: 'Calls to external systems, and the credentials for them.',
  rules: [
    { record: ADAPTER_VOLUME, expr: riseExactly(ADAPTER, ADAPTER_CALLS, '', adapter.window) },
    {
      record: ADAPTER_RATIO,
      expr: `
        ${riseExactly(ADAPTER, ADAPTER_CALLS, 'result!="ok"', adapter.window)}
        /
        (${ADAPTER_VOLUME} > 0)`,
    },
    {
      record: ADAPTER_USUAL,
      expr: `
        ${riseExactly(ADAPTER, ADAPTER_CALLS, 'result!="ok"', adapter.baseline, adapter.offset)}
        /
        (${riseExactly(ADAPTER, ADAPTER_CALLS, '', adapter.baseline, adapter.offset)} > 0)`,
    },
    {
      alert: 'FleetAdapterErrorRateHigh',
      expr: `
        ${ADAPTER_RATIO}
          > on (${ADAPTER})
        ${adapter.factor} * (${ADAPTER_USUAL} or 0 * ${ADAPTER_RATIO}) + ${adapter.margin}
          and on (${ADAPTER}) ${ADAPTER_VOLUME} >= ${adapter.least}
          ${unlessCatchingUp(adapter.window)}`,
      summary:
        '{{ $value | humanizePercentage }} of the calls of adapter {{ $labels.adapter }} ({{ $labels.source }}) fail',
      description: `{{ $value | humanizePercentage }} failed in the last ${adapter.window}{{ with printf "${ADAPTER_USUAL}{source=%q,adapter=%q}" $labels.source $labels.adapter | query }}, {{ . | first | value | humanizePercentage }} over a day{{ end }}. Credentials that ran out and changed interfaces upstream look like this.`,
      dashboard: ['fleetlens-integrations', 'source'],
      note: 'An adapter that was not called for a day has no baseline: 0 stands for it.',
    },
    {
      alert: 'FleetIntegrationAuthFailing',
      expr: `
        (
          ${rise(ADAPTER, ADAPTER_CALLS, 'result="auth"', auth.window)} >= ${auth.failures}
            unless on (${ADAPTER})
          ${rise(ADAPTER, ADAPTER_CALLS, 'result="ok"', auth.window)} > 0
        )
        or
        (
          ${rise('source', 'fleetlens_source_requests_total', 'result="auth"', auth.window)} >= ${auth.failures}
            unless on (source)
          ${rise('source', 'fleetlens_source_requests_total', 'result="ok"', auth.window)} > 0
        )`,
      summary:
        '{{ if $labels.adapter }}Adapter {{ $labels.adapter }} of {{ $labels.source }}{{ else }}Source {{ $labels.source }}{{ end }} is refused: credentials',
      description: `{{ $value | printf "%.0f" }} calls were refused for their credentials in the last ${auth.window}, and none succeeded. {{ if $labels.adapter }}Renew the integration on the platform.{{ else }}Renew the key or token of the source in the exporter's configuration.{{ end }}`,
      dashboard: ['fleetlens-integrations', 'source'],
      note: 'Speaks of now, so it does not wait until a source has caught up. `unless`, not `and … == 0`: what never succeeded has no such series.',
    },
  ],
};

export const ERROR_RULES: RuleFile = {
  name: 'fleet-errors',
  about: 'Errors that the platforms logged.',
  rules: [
    {
      // A source that is known and logged nothing has 0 errors, so that its first ones stand out from its mean.
      record: ERRORS,
      expr: `
        ${riseExactly('source', 'fleet_errors_total', '', errors.window)}
        or on (source)
        0 * sum by (source) (${once('fleetlens_source_catching_up')})`,
    },
    { record: ERRORS_USUAL, expr: `avg_over_time(${ERRORS}[${errors.baseline}] offset ${errors.offset})` },
    {
      alert: 'FleetErrorVolumeHigh',
      expr: `
        ${riseExactly('source', 'fleet_errors_total', '', volume.window)} >= ${volume.errors}
          ${unlessCatchingUp(volume.window)}`,
      summary: `{{ $labels.source }} logs errors: {{ $value | printf "%.0f" }} in ${volume.window}`,
      description: `The platform logged {{ $value | printf "%.0f" }} errors in the last ${volume.window}; ${volume.errors} and more are an incident.`,
      dashboard: ['fleetlens-integrations', 'source'],
    },
    {
      alert: 'FleetErrorRateAboveBaseline',
      expr: `
        ${ERRORS} > ${errors.factor} * ${ERRORS_USUAL}
          and on (source) ${ERRORS} > ${ERRORS_USUAL} + ${errors.deviations} * sqrt(${ERRORS_USUAL})
          and on (source) ${ERRORS} >= ${errors.least}
          and on (source) ${ERRORS} offset ${errors.history}
          ${unlessCatchingUp(errors.window)}`,
      summary: '{{ $labels.source }} logs more errors than usual',
      description: `{{ $value | printf "%.0f" }} errors in the last ${errors.window}{{ with printf "${ERRORS_USUAL}{source=%q}" $labels.source | query }}; the mean of a day is {{ . | first | value | printf "%.1f" }}{{ end }}.`,
      dashboard: ['fleetlens-integrations', 'source'],
      note: 'Small numbers vary by chance: the second condition asks for more than three standard deviations of a Poisson count.',
    },
    {
      alert: 'FleetNewErrorGroup',
      expr: `
        ${rise('source, component, kind', 'fleet_error_groups_total', 'kind=~"new|regressed"', groups.window)} > 0
          ${unlessCatchingUp(groups.window)}`,
      summary: 'A {{ $labels.kind }} error group in {{ $labels.component }} of {{ $labels.source }}',
      description: `{{ $value | printf "%.0f" }} {{ $labels.kind }} in the last ${groups.window}.`,
      dashboard: ['fleetlens-integrations', 'source'],
    },
    {
      alert: 'FleetCriticalPathFailing',
      expr: `
        ${riseExactly('source, component', 'fleet_errors_total', `component=~"${path.components}"`, path.window)} >= ${path.errors}
          ${unlessCatchingUp(path.window)}`,
      summary: '{{ $labels.component }} of {{ $labels.source }} fails',
      description: `{{ $value | printf "%.0f" }} errors in the last ${path.window}: events of the code host are lost or late.`,
      dashboard: ['fleetlens-integrations', 'source'],
    },
  ],
};

export const RATE_LIMIT_RULES: RuleFile = {
  name: 'fleet-rate-limits',
  about: 'Requests that the platforms answered 429.',
  rules: [
    {
      alert: 'FleetRateLimitSustained',
      expr: `
        ${riseExactly('source', 'fleet_rate_limited_total', '', limited.window)} > ${limited.responses}
          ${unlessCatchingUp(limited.window)}`,
      summary: '{{ $labels.source }} keeps answering 429',
      description: `{{ $value | printf "%.0f" }} responses were rate limited in the last ${limited.window}; expected at most ${limited.responses}. Look for deliveries of webhooks that are coordinated.`,
      dashboard: ['fleetlens-integrations', 'source'],
    },
    {
      alert: 'FleetRepoRateLimitedRepeatedly',
      expr: `
        sum_over_time(
          (
            ${riseExactly('source, project', 'fleet_rate_limited_total', 'layer="repo"', repo.window)} > bool 0
          )[${repo.range}:${repo.window}]
        )
        + on (source, project)
        (
          ${riseInOpenWindow('source, project', 'fleet_rate_limited_total', 'layer="repo"', repo.window)} > bool 0
        ) >= ${repo.windows}
          ${unlessCatchingUp('1h')}`,
      summary: '{{ $labels.project }} ({{ $labels.source }}) hits its rate limit again and again',
      description: `The repository was limited in {{ $value | printf "%.0f" }} windows of ${repo.window} in the last hour: a misconfigured webhook, or malice.`,
      dashboard: ['fleetlens-integrations', 'source', 'project'],
      note: `Windows as the clock cuts them: those of the last ${repo.range}, and the one that is open now.`,
    },
  ],
};

export const STORE_RULES: RuleFile = {
  name: 'fleet-stores',
  about: 'Databases and caches of the platforms.',
  rules: [
    { record: HITS, expr: riseExactly('source', 'fleet_cache_hits_total', '', hits.window) },
    { record: MISSES, expr: riseExactly('source', 'fleet_cache_misses_total', '', hits.window) },
    { record: LOOKUPS, expr: `(${HITS} or 0 * ${MISSES}) + (${MISSES} or 0 * ${HITS})` },
    { record: HIT_RATIO, expr: `(${HITS} or 0 * ${LOOKUPS}) / (${LOOKUPS} > 0)` },
    {
      alert: 'FleetStoreDown',
      expr: `${once('fleet_store_up')} == 0`,
      summary: 'The {{ $labels.store }} of {{ $labels.source }} is down',
      description:
        'The platform does not reach its {{ $labels.store }}: runs, caches and rate limits fail or go unchecked.',
      dashboard: ['fleetlens-integrations', 'source'],
    },
    {
      alert: 'FleetStoreErrors',
      expr: `${riseExactly('source, store', 'fleet_store_errors_total', 'kind=~"connection|timeout"', store.window)} >= ${store.errors}`,
      summary: 'The {{ $labels.store }} of {{ $labels.source }} refuses connections or times out',
      description: `{{ $value | printf "%.0f" }} connection failures and timeouts in the last ${store.window}.`,
      dashboard: ['fleetlens-integrations', 'source'],
    },
    {
      alert: 'FleetCacheHitRateLow',
      expr: `
        ${HIT_RATIO} < ${hits.ratio}
          and on (source) ${LOOKUPS} >= ${hits.least}
          ${unlessCatchingUp(hits.window)}`,
      summary: 'Only {{ $value | humanizePercentage }} of the lookups hit the cache of {{ $labels.source }}',
      description: `Over ${hits.window}; expected at least ${hits.ratio * 100}%. Every miss asks the platform's database.`,
      dashboard: ['fleetlens-integrations', 'source'],
      note: 'An idle cache has no hit rate.',
    },
    {
      alert: 'FleetCacheEvictions',
      expr: `
        ${rise('source', 'fleet_cache_evictions_total', '', evictions.window)} > 0
          ${unlessCatchingUp(evictions.window)}`,
      summary: 'The cache of {{ $labels.source }} evicts keys',
      description: `{{ $value | printf "%.0f" }} in the last ${evictions.window}. Keys should run out by age alone: the memory is too small.`,
      dashboard: ['fleetlens-integrations', 'source'],
    },
    {
      alert: 'FleetCacheMemoryHigh',
      expr: `${once('fleet_cache_memory_bytes')} > ${bytes}`,
      summary: 'The cache of {{ $labels.source }} uses {{ $value | humanize1024 }}B',
      description: `Expected at most {{ ${bytes}.0 | humanize1024 }}B.`,
      dashboard: ['fleetlens-integrations', 'source'],
    },
  ],
};
