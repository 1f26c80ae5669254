import { ALERT_SEVERITIES, type AlertName } from './alertNames.ts';
import { GRAFANA_ADDRESS, GRAFANA_LABEL, RUNBOOK_PATH, THRESHOLDS, type Thresholds } from './thresholds.ts';

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

export interface AlertRule {
  readonly alert: AlertName;
  readonly expr: string;
  /** Where it is not the `for` of the alert's thresholds. */
  readonly for?: string;
  readonly keep_firing_for?: string;
  /** Beside those of the expression and the severity. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What is wrong, and where; Go templates of Prometheus. */
  readonly summary: string;
  /** With the values: how bad, what it may be. */
  readonly description: string;
  /** The dashboard to look at, with these labels of the alert as its variables. */
  readonly dashboard: readonly [uid: DashboardUid, ...labels: DashboardVariable[]];
  /** What the app's finder opens: the one that has been in this state for longest. */
  readonly find?: readonly [state: FindState, ...labels: ('source' | 'project' | 'workflow')[]];
  /** A comment in the generated file: why the expression is as it is. */
  readonly note?: string;
}

type DashboardUid =
  `fleetlens-${'overview' | 'runs' | 'quality' | 'ci' | 'chains' | 'queues' | 'cost' | 'integrations' | 'exporter' | 'review'}`;
type DashboardVariable = 'source' | 'project' | 'workflow' | 'persona';
/** As the app's finder has them; failures are runs that failed or timed out. */
type FindState = 'running' | 'unattended' | 'approval' | 'blocked_on_ci' | 'chain_failed';

export type Rule = RecordingRule | AlertRule;

/** One generated file, with one group: its rules are evaluated in order, so that alerts see what was recorded just before. */
export interface RuleFile {
  readonly name: string;
  readonly about: string;
  readonly rules: readonly Rule[];
}

export function isAlert(rule: Rule): rule is AlertRule {
  return 'alert' in rule;
}

/** A label of the alert within an address. */
function inUrl(label: string): string {
  return `{{ $labels.${label} | urlquery }}`;
}

/** A template: Grafana's address, with or without the slash at its end. */
const GRAFANA = `{{ or $externalLabels.${GRAFANA_LABEL} "${GRAFANA_ADDRESS}" | reReplaceAll "/+$" "" }}`;

function annotationsOf({ alert, summary, description, dashboard, find }: AlertRule): Record<string, string> {
  const [uid, ...variables] = dashboard;
  const query = variables.map((label) => `var-${label}=${inUrl(label)}`).join('&');
  const annotations: Record<string, string> = {
    summary,
    description,
    runbook_url: `${GRAFANA}${RUNBOOK_PATH}#${alert.toLowerCase()}`,
    dashboard_url: `${GRAFANA}/d/${uid}${query === '' ? '' : `?${query}`}`,
  };
  if (find !== undefined) {
    const [state, ...labels] = find;
    const scope = labels.map((label) => `&${label}=${inUrl(label)}`).join('');
    annotations.run_url = `${GRAFANA}/a/fleetlens-fleet-app/find?oldest=${state}${scope}`;
  }
  return annotations;
}

/** The file as it is committed: readable, with every threshold in its head, since it is copied to places without Node. */
export function renderRuleFile({ name, about, rules }: RuleFile): string {
  const alerts = [...new Set(rules.filter(isAlert).map(({ alert }) => alert))];
  return [
    '# Generated from provisioning/rules/*.ts by npm run generate; do not edit in a checkout of Fleetlens.',
    `# ${about}`,
    '#',
    '# Where this folder is used without Node, change values in the expressions below: this is what they are. A * marks a choice of this',
    "# project; the other figures are those of the platforms' documents. increase() extrapolates to the ends of its window, so that counts",
    '# are exact to about one scrape interval in a window.',
    '#',
    ...alerts.flatMap(thresholdLines),
    '#',
    `# Links lead to the Grafana that Prometheus' external label ${GRAFANA_LABEL} names (prometheus.yml), else to ${GRAFANA_ADDRESS}; runbook_url to a`,
    '# page of the app there. To lead it elsewhere:',
    `#   sed -i "s|runbook_url: '.*#|runbook_url: 'https://wiki.my.org/fleetlens#|" *.yml`,
    'groups:',
    `  - name: ${name}`,
    '    rules:',
    ...rules.flatMap((rule) => (isAlert(rule) ? alertLines(rule) : recordLines(rule))),
    '',
  ].join('\n');
}

function thresholdLines(alert: AlertName): string[] {
  const entries = Object.entries(THRESHOLDS[alert] as Thresholds);
  return [
    `# ${alert}${entries.length === 0 ? ': none' : ''}`,
    ...entries.map(([name, [value, meaning]]) => `#   ${name.padEnd(16)} ${String(value).padEnd(9)} ${meaning}`),
  ];
}

function recordLines({ record, expr }: RecordingRule): string[] {
  return [`      - record: ${record}`, ...block('expr', expr)];
}

/** A rule as Prometheus reads it. */
interface PlainRule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function ruleOf(rule: Rule): PlainRule {
  const expr = unindented(rule.expr).join('\n');
  if (!isAlert(rule)) return { record: rule.record, expr };
  const threshold = (name: string) => (THRESHOLDS[rule.alert] as Thresholds)[name]?.[0]?.toString();
  const wait = rule.for ?? threshold('for');
  const keepFiring = rule.keep_firing_for ?? threshold('keep_firing_for');
  return {
    alert: rule.alert,
    expr,
    ...(wait === undefined ? {} : { for: wait }),
    ...(keepFiring === undefined ? {} : { keep_firing_for: keepFiring }),
    labels: { severity: ALERT_SEVERITIES[rule.alert], ...rule.labels },
    annotations: annotationsOf(rule),
  };
}

function alertLines(rule: AlertRule): string[] {
  const { for: wait, keep_firing_for, labels = {}, annotations = {} } = ruleOf(rule);
  return [
    '',
    ...(rule.note ?? '').split('\n').flatMap((line) => (line === '' ? [] : [`      # ${line}`])),
    `      - alert: ${rule.alert}`,
    ...block('expr', rule.expr),
    ...(wait === undefined ? [] : [`        for: ${wait}`]),
    ...(keep_firing_for === undefined ? [] : [`        keep_firing_for: ${keep_firing_for}`]),
    '        labels:',
    ...Object.entries(labels).map(([name, value]) => `          ${name}: ${quoted(value)}`),
    '        annotations:',
    ...Object.entries(annotations).map(([name, value]) => `          ${name}: ${quoted(value)}`),
  ];
}

function block(key: string, text: string): string[] {
  return [`        ${key}: |-`, ...unindented(text).map((line) => `          ${line}`)];
}

/** The lines of a template string without the indentation that they share. */
function unindented(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const indent = Math.min(...lines.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(indent));
}

/** In single quotes nothing but the quote itself has a meaning in YAML. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
}
