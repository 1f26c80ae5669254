/** The two text formats of Prometheus: `text` is 0.0.4, `openmetrics` is OpenMetrics 1.0.0. */
export type Format = 'text' | 'openmetrics';

export const CONTENT_TYPES: { readonly [F in Format]: string } = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

const LABEL_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };
const HELP_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n' };

export function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/[\\"\n]/g, (c) => LABEL_ESCAPES[c] as string) : value;
}

/** `a="1",b="2"`, without braces. */
export function labelPairs(names: readonly string[], values: readonly string[]): string {
  return names.map((name, i) => `${name}="${escapeLabel(values[i] ?? '')}"`).join(',');
}

export function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

/** OpenMetrics wants a float for `le` (`1.0`), the older text format writes the shortest number (`1`). */
export function formatEdge(edge: number, format: Format): string {
  if (edge === Number.POSITIVE_INFINITY) return '+Inf';
  return format === 'openmetrics' && Number.isInteger(edge) ? `${edge}.0` : String(edge);
}

/** HELP and TYPE (and UNIT) of a family. OpenMetrics names a counter without its `_total`. */
export function familyHeader(
  family: { name: string; type: string; help: string; unit?: string | undefined },
  format: Format,
): string {
  const help = family.help.replace(/[\\\n]/g, (c) => HELP_ESCAPES[c] as string);
  if (format === 'text') return `# HELP ${family.name} ${help}\n# TYPE ${family.name} ${family.type}\n`;
  const name = family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name;
  // A unit must end the name, so a family whose name ends otherwise declares none.
  const unit = family.unit !== undefined && name.endsWith(`_${family.unit}`) ? `# UNIT ${name} ${family.unit}\n` : '';
  const openHelp = help.replaceAll('"', '\\"');
  return `# TYPE ${name} ${family.type}\n${unit}# HELP ${name} ${openHelp}\n`;
}

/** At most 128 characters of label names and values, by OpenMetrics; a longer exemplar is left out. */
const EXEMPLAR_MAX = 128;

export function formatExemplar(exemplar: { runId: string; source: string; value: number; at: number }): string {
  const { runId, source, value, at } = exemplar;
  if ('run_id'.length + 'source'.length + [...runId].length + [...source].length > EXEMPLAR_MAX) return '';
  return ` # {${labelPairs(['run_id', 'source'], [runId, source])}} ${formatNumber(value)} ${at.toFixed(3)}`;
}

/** Picks the format that an Accept header asks for: OpenMetrics where it is accepted at least as gladly as plain text. */
export function formatFor(accept: string | undefined): Format {
  let text = -1;
  let openmetrics = -1;
  for (const part of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = part.split(';').map((p) => p.trim());
    const q = Number(parameters.find((p) => p.startsWith('q='))?.slice(2) ?? '1');
    const version = parameters.find((p) => p.startsWith('version='))?.slice(8);
    if (type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0'))
      openmetrics = Math.max(openmetrics, q);
    if (type === 'text/plain' || type === 'text/*' || type === '*/*') text = Math.max(text, q);
  }
  return openmetrics > 0 && openmetrics >= text ? 'openmetrics' : 'text';
}
