import { combine, type Point, type Steps, spansOf, sumOf } from '../steps.ts';
import { BUDGETS_USD, DAY_MS } from '../world.ts';
import { type Evidence, type Labels, text, whileBetween } from './evidence.ts';

/** Budgets that are nearly spent, exceeded and paused. */
export function judgeBudgets({ say, of, timeline: { happenings, startMs, endMs } }: Evidence): void {
  const usage = of('usage');
  const runs = of('run');
  const judge = (
    labels: Labels & { scope: string; subject: string },
    spent: Steps<number | undefined>,
    limit: number,
  ) => {
    say(
      'FleetBudgetExceeded',
      labels,
      combine([spent], (usd) => usd !== undefined && usd >= limit),
    );
    say(
      'FleetBudgetNearLimit',
      labels,
      combine([spent], (usd) => usd !== undefined && usd >= 0.8 * limit),
    );
    const exceeded = spansOf(
      combine([spent], (usd) => usd !== undefined && usd >= limit),
      endMs,
    );
    for (const { from } of exceeded) {
      const acknowledged = happenings.find(
        (h) => h.what === 'acknowledge' && h.scope === labels.scope && h.subject === labels.subject && h.at > from,
      );
      say('FleetBudgetPaused', labels, whileBetween(from, acknowledged?.at ?? endMs));
    }
  };
  const projects = Map.groupBy(usage, ({ data }) => text(data.project));
  for (const [project, of] of projects) {
    const points: Point[] = [];
    for (const [day, ofDay] of Map.groupBy(of, ({ saidAt }) => Math.floor(saidAt / DAY_MS))) {
      const paid = ofDay.map(({ saidAt, data }) => ({ at: saidAt, by: Number(data.costUsd ?? 0) }));
      points.push(...paid, { at: (day + 1) * DAY_MS, by: -paid.reduce((sum, { by }) => sum + by, 0) });
    }
    judge(
      { budget: 'per_repo_daily_usd', scope: 'repo_daily', subject: project },
      sumOf(points),
      BUDGETS_USD.repo_daily,
    );
  }
  const paidFor = Map.groupBy(usage, ({ data }) => text(data.runId));
  const personas = Map.groupBy(
    runs.filter(({ data }) => text(data.persona) !== ''),
    ({ data }) => text(data.persona),
  );
  for (const [persona, of] of personas) {
    const dear = [...Map.groupBy(of, ({ data }) => text(data.runId))].flatMap(([runId, said]) => {
      const paid = paidFor.get(runId) ?? [];
      const total = paid.reduce((sum, { data }) => sum + Number(data.costUsd ?? 0), 0);
      if (total < 0.5 * BUDGETS_USD.persona_run) return [];
      const from = said.find(({ data }) => data.status === 'running')?.saidAt ?? startMs;
      const to = said.find(({ data }) => data.finishedAt !== undefined)?.saidAt ?? endMs;
      return [{ from, to, points: paid.map(({ saidAt, data }) => ({ at: saidAt, by: Number(data.costUsd ?? 0) })) }];
    });
    for (const { to, points } of dear) {
      const inTime = points.filter(({ at }) => at < to);
      const spent: Steps<number | undefined> = [...sumOf(inTime), { at: to, value: undefined }];
      judge({ budget: 'per_persona_run_usd', scope: 'persona_run', subject: persona }, spent, BUDGETS_USD.persona_run);
    }
  }
}
