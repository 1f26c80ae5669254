import type { Expected, Score } from './score.ts';

/** Whether all was found in time, nothing was false and nothing was told twice. */
export function isMet(scores: readonly Score[]): boolean {
  return scores.every(
    ({ expected, falsePages, duplicatePages, incidents }) =>
      falsePages.length === 0 &&
      duplicatePages.length === 0 &&
      incidents.every(({ missing }) => missing.length === 0) &&
      expected.every(({ result, isLabelled }) => !isLabelled || result === 'found' || result === 'inhibited'),
  );
}

/** A table of what was found, alert by alert. */
export function scoreTable(scores: readonly Score[]): string {
  const expected = Map.groupBy(
    scores.flatMap((score) => score.expected),
    ({ alert }) => alert,
  );
  const falsePages = Map.groupBy(
    scores.flatMap((score) => score.falsePages),
    ({ alert }) => alert,
  );
  const duplicates = Map.groupBy(
    scores.flatMap((score) => score.duplicatePages),
    ({ alert }) => alert,
  );
  const names = [...new Set([...expected.keys(), ...falsePages.keys(), ...duplicates.keys()])].sort();
  const row = (name: string, of: readonly Expected[], wrong: number, twice: number): string[] => {
    const count = (result: Expected['result']) => of.filter((e) => e.result === result).length;
    const missed = of.filter((e) => e.result === 'missed');
    const labelled = missed.filter(({ isLabelled }) => isLabelled).length;
    const delays = of.flatMap(({ delayMs }) => delayMs ?? []).sort((a, b) => a - b);
    const seconds = (ms: number | undefined) => (ms === undefined ? '' : (ms / 1_000).toFixed(0));
    return [
      name,
      String(of.length),
      String(count('found') + count('late')),
      String(count('inhibited')),
      String(labelled),
      String(missed.length - labelled),
      String(count('late')),
      String(of.filter(({ isBorn }) => isBorn).length),
      seconds(delays[Math.floor(delays.length / 2)]),
      seconds(delays.at(-1)),
      String(wrong),
      String(twice),
    ];
  };
  const rows = names.map((name) =>
    row(name, expected.get(name) ?? [], falsePages.get(name)?.length ?? 0, duplicates.get(name)?.length ?? 0),
  );
  const sum = (of: ReadonlyMap<string, readonly unknown[]>) =>
    [...of.values()].reduce((all, { length }) => all + length, 0);
  rows.push(row('all', [...expected.values()].flat(), sum(falsePages), sum(duplicates)));
  const head = [
    'alert',
    'held',
    'paged',
    'inhibited',
    'missed',
    'missed by chance',
    'late',
    'born',
    'delay p50 (s)',
    'delay max (s)',
    'false',
    'twice',
  ];
  return [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** What was not as it should be, one line each. */
export function scoreDetails(scores: readonly Score[], mostLines = 200): string[] {
  const at = (ms: number) => new Date(ms).toISOString();
  const labels = (of: Readonly<Record<string, string>>) =>
    Object.entries(of)
      .filter(([name]) => name !== 'severity')
      .map(([name, value]) => `${name}=${value}`)
      .join(' ');
  const lines = scores.flatMap(({ seed, expected, falsePages, duplicatePages, incidents }) => [
    ...incidents
      .filter(({ missing }) => missing.length > 0)
      .map(({ name, missing }) => `${seed}: incident not found: ${name} (${missing.join(', ')})`),
    ...expected
      .filter(({ result }) => result === 'missed' || result === 'late')
      .map(
        (e) =>
          `${seed}: ${e.result}${e.isLabelled ? '' : ' (not labelled)'}: ${e.alert} ${labels(e.labels)}, held ${at(e.span.from)} to ${at(e.span.to)}${e.delayMs === undefined ? '' : `, ${e.delayMs / 1_000} s`}`,
      ),
    ...falsePages.map((p) => `${seed}: false: ${p.alert} ${labels(p.labels)} at ${at(p.from)} to ${at(p.to)}`),
    ...duplicatePages.map((p) => `${seed}: twice: ${p.alert} ${labels(p.labels)} at ${at(p.from)}`),
  ]);
  return lines.length > mostLines ? [...lines.slice(0, mostLines), `… and ${lines.length - mostLines} more`] : lines;
}
