import type { AlertName } from '../alertNames.ts';
import { durationSeconds } from '../promql.ts';
import { RESTART } from '../thresholds.ts';
import type { Labels, Scene } from './scene.ts';

/** What holds of every rule about gauges: it goes on firing while the only exporter starts anew, and ends where they stay away. */
export function restartScene(rule: {
  readonly alert: AlertName;
  /** Those of the alert. */
  readonly labels: Labels;
  readonly key?: string | null;
  /** As `Case.series`; before them it fires at this minute, and would go on. */
  readonly series: readonly string[];
  readonly firesAt: number;
}): Scene {
  const { alert, labels, key, series, firesAt } = rule;
  const gone = firesAt + 1;
  const back = gone + durationSeconds(RESTART) / 60;
  const before = { [firesAt]: {}, [back - 1]: {} };
  const goneFrom = (line: string) => `${line} ${gone}:_`;
  const backAgain = (line: string) => `${goneFrom(line)} ${back}:${line.slice(line.search(/[^ :]+$/))}`;
  return {
    alert,
    labels,
    ...(key === undefined ? {} : { key }),
    at: [firesAt, back - 1, back, back + 1],
    cases: [
      { what: 'starts anew', series: series.map(backAgain), fires: { ...before, [back]: {}, [back + 1]: {} } },
      ...(key === null ? [] : [{ what: 'stays away', series: series.map(goneFrom), fires: before }]),
    ],
  };
}
