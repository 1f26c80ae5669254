import type { Listed } from '../../api/FleetApi';

export type Step = Listed<'step'>;

/**
 * Steps in the order of their execution: attempt by attempt, by start. One that has not started stands after those that come before
 * it in the order of the exporter (by index), which is also the order of those that started at once.
 */
export function orderSteps(steps: readonly Step[]): Step[] {
  const places = new Map<Step, { attempt: number; moment: string; place: number }>();
  const latest = new Map<string, string>();
  for (const [place, step] of steps.entries()) {
    const attempt = step.attempt ?? 1;
    const group = `${attempt} ${step.iteration ?? ''}`;
    const moment = step.startedAt ?? latest.get(group) ?? NEVER;
    if (step.startedAt !== undefined) latest.set(group, step.startedAt);
    places.set(step, { attempt, moment, place });
  }
  const placeOf = (step: Step) => places.get(step) ?? { attempt: 1, moment: NEVER, place: 0 };
  return [...steps].sort((a, b) => {
    const [left, right] = [placeOf(a), placeOf(b)];
    if (left.attempt !== right.attempt) return left.attempt - right.attempt;
    if (left.moment !== right.moment) return left.moment < right.moment ? -1 : 1;
    return left.place - right.place;
  });
}

/** After every canonical time. */
const NEVER = '~';
