import type { Span } from './steps.ts';

/** One alert, from when it fires to when it is resolved. Milliseconds since 1970. */
export interface Firing extends Span {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface AlertTimes {
  readonly forMs: number;
  readonly keepFiringForMs: number;
}

/**
 * What Prometheus' alerting rule makes of the evaluations in which a label set was in the answer (rules/alerting.go): it fires once
 * it has been there for `for`, and stays until it was away for `keep_firing_for`.
 * @param evaluations all times at which the rule was evaluated, in order
 * @param isTrue the evaluations at which the label set was in the answer
 * @param wasRestarted whether Prometheus began anew between two evaluations: what was pending or firing is forgotten
 */
export function firingsOf(
  evaluations: readonly number[],
  isTrue: (evaluation: number) => boolean,
  { forMs, keepFiringForMs }: AlertTimes,
  wasRestarted: (from: number, to: number) => boolean = () => false,
): Span[] {
  const spans: Span[] = [];
  let activeAt: number | undefined;
  let firingSince: number | undefined;
  let keptSince: number | undefined;
  const resolve = (at: number) => {
    if (firingSince !== undefined) spans.push({ from: firingSince, to: at });
    activeAt = firingSince = keptSince = undefined;
  };
  evaluations.forEach((at, i) => {
    const before = evaluations[i - 1];
    if (before !== undefined && activeAt !== undefined && wasRestarted(before, at)) resolve(before);
    if (isTrue(at)) {
      keptSince = undefined;
      activeAt ??= at;
      if (firingSince === undefined && at - activeAt >= forMs) firingSince = at;
      return;
    }
    if (activeAt === undefined) return;
    if (firingSince !== undefined && keepFiringForMs > 0) {
      keptSince ??= at;
      if (at - keptSince < keepFiringForMs) return;
    }
    resolve(at);
  });
  const last = evaluations.at(-1);
  if (last !== undefined) resolve(last);
  return spans;
}
