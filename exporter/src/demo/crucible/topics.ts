/** The platform's name as a source. */
export const CRUCIBLE = 'crucible-demo';

export const TOPICS = [
  ['crucible/battery-supply', 'Second supplier for battery cells without a price above 9%'],
  ['crucible/cache-design', 'A cache that stays correct when a region is lost'],
] as const;

export const PHASES = ['design', 'scenarios', 'evaluation', 'ranking'] as const;
export type Phase = (typeof PHASES)[number];

export interface Mode {
  readonly name: 'FULL_SEARCH' | 'EVAL_ONLY' | 'SEEDED';
  /** Median seconds of each phase that the mode has. */
  readonly seconds: Readonly<Partial<Record<Phase, number>>>;
  readonly share: number;
}

export const MODES: readonly Mode[] = [
  { name: 'FULL_SEARCH', seconds: { design: 420, scenarios: 260, evaluation: 2300, ranking: 45 }, share: 5 },
  { name: 'SEEDED', seconds: { design: 160, scenarios: 240, evaluation: 1700, ranking: 40 }, share: 3 },
  { name: 'EVAL_ONLY', seconds: { evaluation: 1400, ranking: 35 }, share: 2 },
];

export const PHASE_LINES: Readonly<Record<Phase, string>> = {
  design: 'Proposed {n} candidates; 2 of them differ only in the order of steps and were merged.',
  scenarios: 'Wrote {n} scenarios: three ordinary, the rest with one thing going wrong at the worst moment.',
  evaluation: 'Evaluated {n} pairs of candidate and scenario; disagreement between the two judges was below 6 points.',
  ranking: 'Ranked by I = P / R: {n} candidates lie within one point of the first.',
};
