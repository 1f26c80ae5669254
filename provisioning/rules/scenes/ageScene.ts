import type { AlertName } from '../alertNames.ts';
import { durationSeconds } from '../promql.ts';
import { restartScene } from './restartScene.ts';
import type { Labels, Scene } from './scene.ts';

/** What holds of every rule about how long something has been so: a gauge with a point in time, and an age above which it fires. */
export function ageScenes(rule: {
  readonly alert: AlertName;
  readonly family: string;
  readonly labels: Labels;
  /** Values of labels that it is not about. */
  readonly others?: readonly Labels[];
  /** Seconds. */
  readonly age: number;
  readonly for?: string;
}): readonly Scene[] {
  const { alert, family, labels, others = [], age } = rule;
  const hold = durationSeconds(rule.for ?? '0m') / 60;
  // Half a minute off the minutes at which rules are evaluated. Points in time may lie before the start, 1970.
  const since = 30 - Math.max(0, age - 600);
  const first = Math.ceil((since + age) / 60);
  const on = (instance: string) => ({ job: 'fleetlens', instance });
  const line = (value: string, own: Labels = {}) =>
    `${family}{${Object.entries({ source: '$', ...labels, ...own })
      .map(([name, text]) => `${name}="${text}"`)
      .join(',')}} ${value}`;
  const scene: Scene = {
    alert,
    labels: { job: 'fleetlens', ...labels },
    at: [...new Set([first - 1, first + hold - 1, first + hold, first + hold + 1])],
    cases: [
      {
        what: 'old enough',
        series: [line(`${since}`)],
        fires: { [first + hold]: {}, [first + hold + 1]: {} },
      },
      { what: 'a minute younger', series: [line(`${since + 60}`)], fires: { [first + hold + 1]: {} } },
      {
        what: 'exactly so old, then older',
        series: [line(`${first * 60 - age}`)],
        fires: { [first + hold + 1]: {} },
      },
      {
        what: 'over, and one replica is behind',
        series: [line(`${first * 60 - 90}`, on('exporter-1:9960')), line(`${since}`, on('exporter-2:9960'))],
      },
      { what: 'three minutes younger', series: [line(`${since + 180}`)] },
      { what: 'over in time', series: [line(`${since} ${first - 1}:_`)] },
      { what: 'followed by a younger one', series: [line(`${since} ${first - 1}:${first * 60 - 90}`)] },
      {
        what: 'known late',
        series: [line(`_ ${first}:=${since}`)],
        fires: { [first + hold]: {}, [first + hold + 1]: {} },
      },
      { what: 'nothing', series: [] },
      ...others.map((own) => ({ what: `of ${Object.values(own).join(' ')}`, series: [line(`${since}`, own)] })),
    ],
  };
  return [
    scene,
    restartScene({ alert, labels: { job: 'fleetlens', ...labels }, series: [line(`=-${age}`)], firesAt: 10 + hold }),
  ];
}
