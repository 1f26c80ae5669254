import { z } from 'zod';

/** A workflow or a persona, as far as other documents refer to it. */
const blueprint = z.object({
  name: z.string(),
  project: z.string().optional(),
  weights: z.record(z.string(), z.number()).optional(),
  threshold: z.number().optional(),
  /** The latest use that its own document or a step names, RFC 3339. */
  lastUsedAt: z.string().optional(),
});
export type Blueprint = z.infer<typeof blueprint>;

export const directoryState = z.object({
  projects: z.record(z.string(), z.string()),
  workflows: z.record(z.string(), blueprint),
  personas: z.record(z.string(), blueprint),
});
export type DirectoryState = z.infer<typeof directoryState>;

export type BlueprintKind = 'workflows' | 'personas';

/**
 * Names behind ids: documents refer to projects, workflows and personas by id, labels show what people call them. It is part
 * of the cursor, so that a restart in the middle of a stream of changes labels as before.
 */
export class Directory {
  readonly #projects: Map<string, string>;
  readonly #blueprints: Readonly<Record<BlueprintKind, Map<string, Blueprint>>>;

  constructor(state: DirectoryState = { projects: {}, workflows: {}, personas: {} }) {
    this.#projects = new Map(Object.entries(state.projects));
    this.#blueprints = {
      workflows: new Map(Object.entries(state.workflows)),
      personas: new Map(Object.entries(state.personas)),
    };
  }

  setProject(id: string, label: string): void {
    this.#projects.set(id, label);
  }

  /** The label of a project, or its id as long as nobody said more; the only project where a key reads one alone. */
  projectOf(id: string | undefined): string | undefined {
    if (id !== undefined) return this.#projects.get(id) ?? id;
    const [only, ...others] = new Set(this.#projects.values());
    return others.length === 0 ? only : undefined;
  }

  set(kind: BlueprintKind, id: string, entry: Blueprint): void {
    this.#blueprints[kind].set(id, entry);
  }

  get(kind: BlueprintKind, id: string | undefined): Blueprint | undefined {
    return id === undefined ? undefined : this.#blueprints[kind].get(id);
  }

  ids(kind: BlueprintKind): string[] {
    return [...this.#blueprints[kind].keys()];
  }

  remove(kind: BlueprintKind, id: string): Blueprint | undefined {
    const entry = this.#blueprints[kind].get(id);
    this.#blueprints[kind].delete(id);
    return entry;
  }

  state(): DirectoryState {
    return {
      projects: Object.fromEntries(this.#projects),
      workflows: Object.fromEntries(this.#blueprints.workflows),
      personas: Object.fromEntries(this.#blueprints.personas),
    };
  }
}
