import { defineDashboard } from '../kit/dashboard.ts';
import { dashboard, link, page, pageOf } from '../kit/links.ts';
import { colored, figure, graph, grid, UP_OR_DOWN, words, YES_OR_NO } from '../kit/panels.ts';
import { growth, rate, select, sum } from '../kit/promql.ts';
import { instant, rows, series } from '../kit/targets.ts';
import { NO_POLL_FOR } from '../kit/thresholds.ts';

const JOB = 'job="fleetlens"';
/** Of one replica: each counts what it did itself. */
const ingest = (matchers = '', window = '$__range') => growth('fleetlens_ingest_events_total', matchers, window);
const bySource = (expr: string) => `max by (source) (${expr})`;
const latest = (family: Parameters<typeof select>[0]) => bySource(select(family));

export const exporter = defineDashboard({
  name: 'exporter',
  title: 'Exporter',
  description:
    'Whether the figures of all other dashboards can be trusted: sources, ledger, ingest and the exporter itself.',
  from: 'now-6h',
  page: { title: 'Audit trail', name: 'audit' },
  rows: [
    {
      title: 'In short',
      panels: [
        figure({
          title: 'Replicas',
          description: 'Replicas that Prometheus scrapes. None: on-call is paged, and all that you see is old.',
          unit: 'short',
          none: 'none scraped',
          thresholds: ['red', [1, 'green']],
          targets: [instant(`sum(up{${JOB}})`)],
        }),
        figure({
          title: 'Ledger',
          description: 'Whether every replica can read the ledger. Without it no figure of the fleet is exposed.',
          unit: 'none',
          none: 'no exporter',
          mappings: UP_OR_DOWN,
          thresholds: ['red', [1, 'green']],
          targets: [instant(`min(${select('fleetlens_ledger_up')})`)],
        }),
        figure({
          title: 'Mismatches',
          description:
            'Differences that the last verification of the ledger found. Run `fleetlens ledger verify`, then rebuild.',
          unit: 'short',
          none: 'not verified',
          thresholds: ['text', [0, 'green'], [1, 'red']],
          targets: [instant(`max(${select('fleetlens_ledger_mismatches')})`)],
        }),
        figure({
          title: 'Dead letters',
          description: 'Records kept aside because they could not be read.',
          unit: 'short',
          none: 'none',
          thresholds: ['green', [1, 'orange']],
          targets: [instant(`sum(max by (source) (${select('fleetlens_dead_letters')}))`)],
        }),
        figure({
          title: 'Refused events',
          description:
            'Pushed events of the last hour that were answered 503 for lack of a ledger, memory or disk. Senders try again.',
          unit: 'locale',
          decimals: 0,
          none: 'none',
          thresholds: ['green', [1, 'red']],
          targets: [instant(sum(ingest('result="refused"', '1h')))],
        }),
        figure({
          title: 'Configuration',
          description: 'Whether every replica could read its configuration the last time.',
          unit: 'none',
          none: 'no exporter',
          mappings: words({ 0: { text: 'refused', color: 'red' }, 1: { text: 'read', color: 'green' } }),
          thresholds: ['red', [1, 'green']],
          targets: [instant(`min(${select('fleetlens_config_last_reload_success')})`)],
        }),
      ],
    },
    {
      title: 'Sources',
      panels: [
        grid({
          title: 'Sources',
          description:
            'Polled sources: since when no poll worked. Sources that push: since when they are silent, beside their usual gap (99 of 100 gaps were shorter). A source that catches up is left out of alerts.',
          unit: 'short',
          none: 'no sources',
          targets: [
            rows(latest('fleetlens_source_up')),
            rows(`time() - ${latest('fleetlens_source_last_success_timestamp_seconds')}`),
            rows(`time() - ${latest('fleetlens_source_last_event_timestamp_seconds')}`),
            rows(latest('fleetlens_source_usual_gap_seconds')),
            rows(latest('fleetlens_source_catching_up')),
            rows(latest('fleetlens_source_quota_remaining')),
            rows(sum(ingest(), ['source'])),
            rows(latest('fleetlens_dead_letters')),
          ],
          columns: [
            {
              of: 'source',
              heading: 'Source',
              links: [
                link('What it shows', dashboard('overview', ['Source'])),
                link('Its runs', pageOf('runs', ['Source'], 'row')),
              ],
            },
            {
              of: 'Value #A',
              heading: 'Last poll',
              mappings: words({ 0: { text: 'failed', color: 'red' }, 1: { text: 'worked', color: 'green' } }),
              thresholds: ['red', [1, 'green']],
            },
            { of: 'Value #B', heading: 'No poll for', unit: 's', decimals: 0, thresholds: NO_POLL_FOR },
            { of: 'Value #C', heading: 'Silent for', unit: 's', decimals: 0 },
            { of: 'Value #D', heading: 'Usual gap', unit: 's', decimals: 0 },
            { of: 'Value #E', heading: 'Catching up', mappings: YES_OR_NO },
            { of: 'Value #F', heading: 'Calls left', decimals: 0 },
            { of: 'Value #G', heading: 'Events', decimals: 0 },
            { of: 'Value #H', heading: 'Dead letters', decimals: 0, thresholds: ['text', [1, 'orange']] },
          ],
          sortBy: { column: 'Silent for' },
        }),
        graph({
          title: 'Calls to sources that failed, per minute',
          description: 'The exporter’s own calls, by source and by what went wrong.',
          unit: 'short',
          none: 'no calls failed',
          targets: [
            series(
              `${sum(rate('fleetlens_source_requests_total', 'result!="ok"'), ['source', 'result'])} * 60 > 0`,
              '{{source}} {{result}}',
            ),
          ],
          calcs: ['max'],
        }),
        graph({
          title: 'Duration of polls, p95',
          description: 'By source. Polls longer than their interval fall behind.',
          unit: 's',
          none: 'no polled sources',
          targets: [
            series(
              `histogram_quantile(0.95, ${sum(rate('fleetlens_source_poll_duration_seconds', '', '_bucket'), ['le', 'source'])})`,
              '{{source}}',
            ),
          ],
          calcs: ['mean', 'max'],
        }),
        grid({
          title: 'Differences from the platforms’ own counters',
          description:
            'What a platform’s counter of a project is above the ledger’s. A lasting difference is something that the exporter was never told.',
          unit: 'short',
          w: 12,
          none: 'no counters',
          targets: [rows(`max by (source, project, counter) (${select('fleetlens_source_figure_difference')})`)],
          columns: [
            { of: 'source', heading: 'Source' },
            { of: 'project', heading: 'Project' },
            { of: 'counter', heading: 'Counter' },
            { of: 'Value', heading: 'Difference', decimals: 0, thresholds: ['text', [1, 'orange']] },
          ],
          sortBy: { column: 'Difference' },
        }),
        graph({
          title: 'Contradictions, per hour',
          description: 'Later events that contradicted what a family had counted. They move nothing.',
          unit: 'short',
          style: 'bars',
          interval: '15m',
          none: 'none',
          targets: [series(`${sum(rate('fleetlens_corrections_total'), ['family'])} * 3600 > 0`, '{{family}}')],
          calcs: ['max'],
        }),
      ],
    },
    {
      title: 'Ingest',
      panels: [
        graph({
          title: 'Events, per second',
          description: 'By what became of them, of all replicas.',
          unit: 'short',
          stacked: true,
          w: 8,
          none: 'nothing is pushed',
          legend: 'list',
          targets: [series(sum(rate('fleetlens_ingest_events_total'), ['result']), '{{result}}')],
          overrides: [
            colored('accepted', 'green'),
            colored('duplicate', 'blue'),
            colored('conflict', 'orange'),
            colored('rejected', 'red'),
            colored('too_old', 'purple'),
            colored('refused', 'dark-red'),
          ],
        }),
        graph({
          title: 'Events by source, per second',
          description: 'Of all replicas.',
          unit: 'short',
          w: 8,
          none: 'nothing is pushed',
          legend: 'list',
          targets: [series(sum(rate('fleetlens_ingest_events_total'), ['source']), '{{source}}')],
        }),
        graph({
          title: 'Commit of a group of events',
          description: 'What a sender waits for. It follows the disk of the ledger.',
          unit: 's',
          w: 8,
          none: 'nothing is pushed',
          legend: 'list',
          targets: [
            series(
              `histogram_quantile(0.5, ${sum(rate('fleetlens_ingest_commit_seconds', '', '_bucket'), ['le'])})`,
              'p50',
            ),
            series(
              `histogram_quantile(0.99, ${sum(rate('fleetlens_ingest_commit_seconds', '', '_bucket'), ['le'])})`,
              'p99',
            ),
          ],
        }),
      ],
    },
    {
      title: 'Serving',
      panels: [
        graph({
          title: 'Duration of a scrape',
          description: 'The exporter’s own time for it, by replica. It follows the number of series.',
          unit: 's',
          w: 8,
          none: 'no exporter',
          legend: 'list',
          targets: [series(select('fleetlens_scrape_duration_seconds'), '{{instance}}')],
        }),
        graph({
          title: 'Label sets',
          description: 'Exposed by each replica. Past the cap new ones fold into __other__.',
          unit: 'short',
          w: 8,
          none: 'no exporter',
          legend: 'list',
          targets: [
            series(`sum by (instance) (${select('fleetlens_series')})`, '{{instance}}'),
            series(
              `${sum(growth('fleetlens_series_folded_total', '', '$__rate_interval'), ['family'])} > 0`,
              'folded: {{family}}',
            ),
          ],
        }),
        graph({
          title: 'Live streams',
          description: 'Open streams of browsers, by replica.',
          unit: 'short',
          w: 8,
          none: 'no exporter',
          legend: 'list',
          targets: [series(select('fleetlens_streams'), '{{instance}} open')],
        }),
        grid({
          title: 'Largest families',
          description: 'Label sets now exposed by each family: who uses up the cap.',
          unit: 'short',
          w: 6,
          none: 'no exporter',
          targets: [rows(`topk(20, max by (family) (${select('fleetlens_series')}))`)],
          columns: [
            { of: 'family', heading: 'Family' },
            { of: 'Value', heading: 'Label sets', decimals: 0, width: 110 },
          ],
          sortBy: { column: 'Label sets' },
        }),
        graph({
          title: 'Told to streams, per second',
          description: 'Events that live streams were told, by replica.',
          unit: 'short',
          w: 6,
          none: 'no exporter',
          legend: 'list',
          targets: [series(rate('fleetlens_stream_events_total'), '{{instance}}')],
        }),
        graph({
          title: 'Refused requests, per minute',
          description:
            'That this exporter answered 429, by layer: too many of one address, or about one source and project.',
          unit: 'short',
          w: 6,
          none: 'none',
          legend: 'list',
          targets: [series(`${sum(rate('fleetlens_rate_limited_total'), ['layer'])} * 60`, '{{layer}}')],
        }),
        graph({
          title: 'Streams that ended, per minute',
          description: 'By why: slow ones took nothing for 30 s.',
          unit: 'short',
          w: 6,
          none: 'none',
          legend: 'list',
          targets: [series(`${sum(rate('fleetlens_streams_ended_total'), ['reason'])} * 60`, '{{reason}}')],
        }),
      ],
    },
    {
      title: 'Governance',
      panels: [
        figure({
          title: 'Rate limits',
          description:
            'Whether the Redis of the rate limits answers. While it does not, requests are allowed unchecked.',
          unit: 'none',
          w: 12,
          none: 'counted in memory',
          mappings: UP_OR_DOWN,
          thresholds: ['green'],
          targets: [instant(`min(${select('fleetlens_rate_limit_store_up')})`)],
        }),
        figure({
          title: 'Audit webhook failing for',
          description: 'How long the audit webhook has taken no entries. They are kept, and sent again.',
          unit: 's',
          w: 12,
          none: 'not at all',
          thresholds: ['green', [1, 'orange'], [3600, 'red']],
          targets: [instant(`time() - min(${select('fleetlens_audit_webhook_failing_timestamp_seconds')})`)],
          dataLinks: [link('Audit trail', page('audit'))],
        }),
      ],
    },
    {
      title: 'Process',
      panels: [
        graph({
          title: 'CPU',
          description: 'Of one core, by replica.',
          unit: 'percentunit',
          w: 8,
          none: 'no exporter',
          legend: 'list',
          targets: [series(`rate(process_cpu_seconds_total{${JOB}}[$__rate_interval])`, '{{instance}}')],
        }),
        graph({
          title: 'Memory',
          description: 'Resident memory and used heap, by replica.',
          unit: 'bytes',
          w: 8,
          none: 'no exporter',
          legend: 'list',
          targets: [
            series(`process_resident_memory_bytes{${JOB}}`, '{{instance}} resident'),
            series(`nodejs_heap_size_used_bytes{${JOB}}`, '{{instance}} heap'),
          ],
        }),
        graph({
          title: 'Event loop lag, p99',
          description:
            'How late the process comes to its work, by replica. Above 100 ms scrapes and streams are felt to be slow.',
          unit: 's',
          w: 8,
          none: 'no exporter',
          legend: 'list',
          targets: [series(`nodejs_eventloop_lag_p99_seconds{${JOB}}`, '{{instance}}')],
        }),
        grid({
          title: 'Replicas',
          description: 'What runs where.',
          unit: 'none',
          h: 6,
          none: 'no exporter',
          targets: [rows(select('fleetlens_build_info'))],
          columns: [
            { of: 'instance', heading: 'Instance' },
            { of: 'version', heading: 'Version' },
            { of: 'revision', heading: 'Revision' },
            { of: 'node', heading: 'Node.js' },
          ],
          links: [link('Audit trail', page('audit'))],
        }),
      ],
    },
  ],
});
