import type { Listed } from '../../api/FleetApi';

export type Usage = Listed<'usage'>;

/** What was used in one step by one model. A figure that no record tells is absent. */
export interface UsageShare {
  readonly stepId: string | undefined;
  readonly model: string | undefined;
  readonly service: string | undefined;
  readonly costUsd: number | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly cacheReadTokens: number | undefined;
  readonly durationSeconds: number | undefined;
}

const FIGURES = ['costUsd', 'inputTokens', 'outputTokens', 'cacheReadTokens', 'durationSeconds'] as const;
type Figures = { -readonly [F in (typeof FIGURES)[number]]: number | undefined };

/** @returns the sums by step and model, dearest first, and of all. */
export function usageShares(usage: readonly Usage[]): { shares: UsageShare[]; total: Figures } {
  const groups = new Map<string, { of: Usage; sums: Figures }>();
  const total = nothing();
  for (const record of usage) {
    const { stepId, model, service } = record;
    const key = JSON.stringify([stepId, model, service]);
    let group = groups.get(key);
    if (group === undefined) {
      group = { of: record, sums: nothing() };
      groups.set(key, group);
    }
    add(group.sums, record);
    add(total, record);
  }
  const shares = [...groups.values()]
    .map(({ of: { stepId, model, service }, sums }) => ({ stepId, model, service, ...sums }))
    .sort((a, b) => (b.costUsd ?? -1) - (a.costUsd ?? -1));
  return { shares, total };
}

function nothing(): Figures {
  return {
    costUsd: undefined,
    inputTokens: undefined,
    outputTokens: undefined,
    cacheReadTokens: undefined,
    durationSeconds: undefined,
  };
}

function add(sums: Figures, record: Usage): void {
  for (const figure of FIGURES) {
    const value = record[figure];
    if (value !== undefined) sums[figure] = (sums[figure] ?? 0) + value;
  }
}
