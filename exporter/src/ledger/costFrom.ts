/**
 * Where the cost and tokens of a source are counted from. Usage records are the finer of the two, so they count unless the
 * configuration says otherwise; the other figures are shown, not counted.
 */
export function costFromOf(
  sources: readonly { readonly name: string; readonly cost_from?: 'usage' | 'run' }[],
): (source: string) => 'usage' | 'run' {
  const configured = new Map(sources.map((source) => [source.name, source.cost_from]));
  return (source) => configured.get(source) ?? 'usage';
}
