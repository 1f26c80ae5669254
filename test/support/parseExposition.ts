/** The samples of an exposition: `name{labels}` as it stands -> value. Throws on a line that is neither sample nor comment. */
export function parseExposition(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)(?: # .*)?$/s.exec(line);
    if (match === null) throw new Error(`not a sample: ${line}`);
    const [, series, value] = match as unknown as [string, string, string];
    if (samples.has(series)) throw new Error(`twice in one exposition: ${series}`);
    samples.set(series, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value));
  }
  return samples;
}

/** The samples that may never fall: counters, buckets, counts and sums of the families that come from the ledger. */
export function monotonicSamples(samples: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...samples].filter(([series]) => /^fleet_\w+_(total|bucket|count|sum)(\{|$)/.test(series)));
}

/** @returns the series whose value fell or that vanished between two expositions. */
export function fallen(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] {
  return [...before]
    .filter(([series, value]) => (after.get(series) ?? Number.NEGATIVE_INFINITY) < value)
    .map(([series]) => series);
}
