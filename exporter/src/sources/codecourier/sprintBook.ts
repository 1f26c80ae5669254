import { z } from 'zod';
import type { ChainRecord } from '../../contract/records.ts';
import { CHAIN_STATUSES, isOpen, STATUSES } from '../../contract/status.ts';

const sprint = z.object({
  index: z.number(),
  name: z.string().optional(),
  runId: z.string().optional(),
  status: z.enum(STATUSES).optional(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
  prUrl: z.string().optional(),
});
export type Sprint = z.infer<typeof sprint>;

const chain = z.object({
  /** Read from the chain's own document. */
  status: z.enum(CHAIN_STATUSES).optional(),
  count: z.number().optional(),
  /** By index; what the chain says of a sprint and what the sprint's run says. */
  sprints: z.record(z.string(), sprint),
  isRead: z.boolean().optional(),
  at: z.string().optional(),
});
type Chain = z.infer<typeof chain>;

export const sprintState = z.record(z.string(), chain);
export type SprintState = z.infer<typeof sprintState>;

const MAX_CHAINS = 10_000;
const MAX_KEPT = 100;
/** More than any plan has; a wrong number must not make a list of millions. */
const MAX_SPRINTS = 1_000;

/**
 * Joins chains and the runs of their sprints: a chain's document holds the pull requests by index, a run's document says which
 * sprint it is, when it ran and how it ended. What is open, or failed and may be resumed, is part of the cursor.
 */
export class SprintBook {
  readonly #chains: Map<string, Chain>;
  readonly #touched = new Set<string>();

  constructor(state: SprintState = {}) {
    this.#chains = new Map(Object.entries(state));
  }

  chainRead(
    chainId: string,
    read: {
      readonly status: Chain['status'];
      readonly count: number | undefined;
      readonly sprints: readonly Sprint[];
      readonly at: string | undefined;
    },
  ): void {
    const known = this.#chains.get(chainId) ?? { sprints: {} };
    const sprints = { ...known.sprints };
    for (const entry of read.sprints) sprints[entry.index] = { ...sprints[entry.index], ...entry };
    this.#keep(chainId, {
      ...later(known, read.at),
      status: read.status,
      count: read.count,
      sprints,
      isRead: true,
    });
  }

  runRead(chainId: string, entry: Sprint, at: string | undefined): void {
    const known = this.#chains.get(chainId) ?? { sprints: {} };
    const before = known.sprints[entry.index];
    // A sprint that was resumed has two runs; the one that began later counts.
    if (
      before?.runId !== undefined &&
      before.runId !== entry.runId &&
      (before.startedAt ?? '') > (entry.startedAt ?? '~')
    ) {
      return;
    }
    const sprints = {
      ...known.sprints,
      [entry.index]: { ...entry, ...(before?.prUrl ? { prUrl: before.prUrl } : {}) },
    };
    this.#keep(chainId, { ...known, ...later(known, at), sprints });
  }

  /** @returns chains that changed since the last call, with all that is known of their sprints. */
  takeTouched(): { chainId: string; sprints: NonNullable<ChainRecord['sprints']>; at: string | undefined }[] {
    const touched = [...this.#touched].flatMap((chainId) => {
      const known = this.#chains.get(chainId);
      // Until the chain itself is read there is no record to complete.
      return known?.isRead === true ? [{ chainId, sprints: listOf(known), at: known.at }] : [];
    });
    this.#touched.clear();
    return touched;
  }

  openIds(): string[] {
    return [...this.#chains].filter(([, { status }]) => isOpen(status)).map(([chainId]) => chainId);
  }

  /** @returns whether it was open. */
  gone(chainId: string): boolean {
    const wasOpen = isOpen(this.#chains.get(chainId)?.status);
    this.#chains.delete(chainId);
    return wasOpen;
  }

  state(): SprintState {
    const alive = [...this.#chains].filter(
      ([, { status }]) => status === undefined || isOpen(status) || status === 'failed',
    );
    return Object.fromEntries(alive.slice(-MAX_KEPT));
  }

  #keep(chainId: string, entry: Chain): void {
    this.#chains.delete(chainId);
    this.#chains.set(chainId, entry);
    this.#touched.add(chainId);
    if (this.#chains.size > MAX_CHAINS) this.#chains.delete(this.#chains.keys().next().value ?? '');
  }
}

function listOf({ sprints, count, status }: Chain): Sprint[] {
  const highest = Math.max(-1, ...Object.keys(sprints).map(Number));
  const length = Math.min(MAX_SPRINTS, Math.max(count ?? 0, highest + 1));
  return Array.from({ length }, (_, index) => {
    const known = sprints[index] ?? { index };
    return known.status === undefined && known.runId === undefined && known.prUrl === undefined && isOpen(status)
      ? { ...known, status: 'queued' as const }
      : known;
  });
}

function later(known: Chain, at: string | undefined): { at?: string } {
  const latest = known.at === undefined || (at !== undefined && at > known.at) ? at : known.at;
  return latest === undefined ? {} : { at: latest };
}
