import { JOB, least, once, rise } from './promql.ts';
import type { RuleFile } from './ruleFile.ts';
import { valuesOf } from './thresholds.ts';

const { age: staleAge } = valuesOf('FleetSourceStale');
const folded = valuesOf('FleetSeriesFolded');
const silent = valuesOf('FleetIngestSilent');
const refused = valuesOf('FleetIngestRefused');

/** None of these waits until a source has caught up: they are about the exporter itself, and about now. */
export const EXPORTER_RULES: RuleFile = {
  name: 'fleet-exporter',
  about: 'The exporter itself: its sources, its ledger, its replicas.',
  rules: [
    {
      alert: 'FleetSourceStale',
      expr: `time() - ${once('fleetlens_source_last_success_timestamp_seconds')} > ${staleAge}`,
      summary: 'Source {{ $labels.source }} has not been read for {{ $value | humanizeDuration }}',
      description:
        'Its figures are old, and its other alerts are held back.{{ with printf "sum by (result) (increase(fleetlens_source_requests_total{source=%q,result!=\\"ok\\"}[10m])) > 0" $labels.source | query }} Its calls failed with:{{ range . }} {{ .Labels.result }}{{ end }}.{{ end }} `fleetlens config check` probes the source and names the remedy.',
      dashboard: ['fleetlens-exporter', 'source'],
      note: "A source that never answered is as old as the exporter's start. Sources that push have no such figure: FleetIngestSilent judges them.",
    },
    {
      alert: 'FleetIngestSilent',
      expr: `
        time() - ${once('fleetlens_source_last_event_timestamp_seconds')}
          > on (source)
        clamp_min(${silent.factor} * ${once('fleetlens_source_usual_gap_seconds')}, ${silent.least})`,
      summary: 'Source {{ $labels.source }} has sent nothing for {{ $value | humanizeDuration }}',
      description:
        'It pushes its events{{ with printf "max(fleetlens_source_usual_gap_seconds{source=%q})" $labels.source | query }}, usually at most {{ . | first | value | humanizeDuration }} apart{{ end }}. Check the sender, its token and the way between.',
      dashboard: ['fleetlens-exporter', 'source'],
    },
    {
      alert: 'FleetIngestRefused',
      expr: `${rise('source', 'fleetlens_ingest_events_total', 'result="refused"', refused.window)} > 0`,
      summary: 'Events of {{ $labels.source }} are refused',
      description: `{{ $value | printf "%.0f" }} in the last ${refused.window}, answered 503 for lack of a ledger, memory or disk. Senders that retry lose nothing as long as they do.`,
      dashboard: ['fleetlens-exporter', 'source'],
    },
    {
      alert: 'FleetDeadLetters',
      expr: `${once('fleetlens_dead_letters')} > 0`,
      summary: '{{ $value | printf "%.0f" }} records of {{ $labels.source }} could not be read',
      description: 'They are kept aside and counted nowhere until somebody looks at them.',
      dashboard: ['fleetlens-exporter', 'source'],
    },
    {
      alert: 'FleetSeriesFolded',
      expr: `${rise('family', 'fleetlens_series_folded_total', '', folded.window)} > 0`,
      summary: 'Series of {{ $labels.family }} are folded into __other__',
      description: `{{ $value | printf "%.0f" }} label sets in the last ${folded.window} went beyond the cap on series. Raise it, or find the label that grows.`,
      dashboard: ['fleetlens-exporter'],
    },
    {
      alert: 'FleetLedgerDown',
      expr: `${least('fleetlens_ledger_up')} == 0`,
      summary: 'The ledger does not answer',
      description:
        'The figures of the fleet are frozen or absent, and pushed events are refused.{{ with query "fleetlens_ledger_up == 0" }} Replicas without it:{{ range . }} {{ .Labels.instance }}{{ end }}.{{ end }}',
      dashboard: ['fleetlens-exporter'],
      note: 'The least of all replicas: one that has lost the ledger is enough.',
    },
    {
      alert: 'FleetLedgerMismatch',
      expr: `${once('fleetlens_ledger_mismatches')} > 0`,
      summary: 'The ledger does not add up: {{ $value | printf "%.0f" }} differences',
      description:
        '`fleetlens ledger verify` prints each difference between records and counters; `fleetlens ledger rebuild` repairs them.',
      dashboard: ['fleetlens-exporter'],
    },
    {
      alert: 'FleetReplicaDown',
      expr: `
        up{job="${JOB}"} == 0
          and on (job) sum by (job) (up{job="${JOB}"}) > 0`,
      summary: 'Replica {{ $labels.instance }} of the exporter is not scraped',
      description: 'Others still serve. With none left, nothing watches the fleet.',
      dashboard: ['fleetlens-exporter'],
    },
    {
      alert: 'FleetExporterDown',
      expr: `sum by (job) (up{job="${JOB}"}) == 0 or absent(up{job="${JOB}"})`,
      summary: 'No replica of the exporter is scraped',
      description: 'Nothing watches the fleet: all other alerts are blind, and held back.',
      dashboard: ['fleetlens-exporter'],
      note: 'absent(): a target that is gone from the configuration or its discovery has no `up` at all.',
    },
    {
      alert: 'FleetWatchdog',
      expr: 'vector(1)',
      summary: 'Alerts reach their receivers',
      description:
        "Always fires. Its receiver is a dead man's switch, which raises the alarm when this one stops coming.",
      dashboard: ['fleetlens-exporter'],
    },
  ],
};
