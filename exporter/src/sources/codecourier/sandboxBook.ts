import { z } from 'zod';

export const sandboxState = z.record(z.string(), z.string());
export type SandboxState = z.infer<typeof sandboxState>;

const MAX_SANDBOXES = 50_000;
const MAX_KEPT = 500;

/** Which run a sandbox works for, and which sandboxes are open: messages name the sandbox alone, deletions the id alone. */
export class SandboxBook {
  readonly #runs = new Map<string, string>();
  /** Open ones with their run, `''` where they have none. */
  readonly #open: Map<string, string>;

  constructor(state: SandboxState = {}) {
    this.#open = new Map(Object.entries(state));
    for (const [sandboxId, runId] of this.#open) if (runId !== '') this.#runs.set(sandboxId, runId);
  }

  saw(sandboxId: string, runId: string | undefined, isOpen: boolean): void {
    if (runId !== undefined) this.belongsTo(sandboxId, runId);
    this.#open.delete(sandboxId);
    if (isOpen) this.#open.set(sandboxId, this.#runs.get(sandboxId) ?? '');
  }

  belongsTo(sandboxId: string, runId: string): void {
    this.#runs.delete(sandboxId);
    this.#runs.set(sandboxId, runId);
    if (this.#open.has(sandboxId)) this.#open.set(sandboxId, runId);
    if (this.#runs.size > MAX_SANDBOXES) this.#runs.delete(this.#runs.keys().next().value ?? '');
  }

  runOf(sandboxId: string | undefined): string | undefined {
    return sandboxId === undefined ? undefined : this.#runs.get(sandboxId);
  }

  openIds(): string[] {
    return [...this.#open.keys()];
  }

  /** @returns whether it was open. */
  gone(sandboxId: string): boolean {
    return this.#open.delete(sandboxId);
  }

  state(): SandboxState {
    return Object.fromEntries([...this.#open].slice(-MAX_KEPT));
  }
}
