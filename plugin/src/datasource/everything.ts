/** "All", as a variable without a value of its own for it has it, and as one that Prometheus' expressions use too. */
const EVERYTHING: ReadonlySet<string> = new Set(['$__all', '.*', '.+']);

/** @returns whether the value of a variable stands for all that there is: no filter. */
export function isEverything(value: string): boolean {
  return EVERYTHING.has(value);
}
