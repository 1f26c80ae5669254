/** The two text formats of Prometheus: `text` is 0.0.4, `openmetrics` is OpenMetrics 1.0.0. */
export type Format = 'text' | 'openmetrics';

const OPENMETRICS_VERSION = '1.0.0';

export const CONTENT_TYPES: { readonly [F in Format]: string } = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: `application/openmetrics-text; version=${OPENMETRICS_VERSION}; charset=utf-8`,
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

interface MediaRange {
  readonly type: string;
  readonly version: string | undefined;
  readonly q: number;
}

function parseAccept(accept: string): MediaRange[] {
  return accept
    .toLowerCase()
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((p) => p.trim());
      const parameter = (name: string) => parameters.find((p) => p.startsWith(`${name}=`))?.slice(name.length + 1);
      const q = Number(parameter('q') ?? '1');
      return { type, version: parameter('version')?.replaceAll('"', ''), q: q >= 0 && q <= 1 ? q : 0 };
    });
}

/** The quality of the most specific range that names the type: its own counts, whatever a range for everything says. */
function qualityOf(ranges: readonly MediaRange[], names: readonly string[]): number {
  for (const name of names) {
    const named = ranges.filter(({ type }) => type === name);
    if (named.length > 0) return Math.max(...named.map(({ q }) => q));
  }
  return 0;
}

/**
 * Picks the format that an Accept header asks for: OpenMetrics where it is named and accepted at least as gladly as plain
 * text, else plain text, which everybody reads.
 */
export function formatFor(accept: string | undefined): Format {
  const ranges = parseAccept(accept ?? '');
  const openmetrics = ranges.filter(
    ({ type, version }) =>
      type === 'application/openmetrics-text' && (version === undefined || version === OPENMETRICS_VERSION),
  );
  const wanted = Math.max(0, ...openmetrics.map(({ q }) => q));
  return wanted > 0 && wanted >= qualityOf(ranges, ['text/plain', 'text/*', '*/*']) ? 'openmetrics' : 'text';
}

/** Whether an Accept-Encoding header takes gzip (RFC 9110, 12.5.3): `gzip;q=0` refuses it. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return qualityOf(parseAccept(acceptEncoding ?? ''), ['gzip', '*']) > 0;
}
