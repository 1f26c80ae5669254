import type { Logger } from 'pino';
import { z } from 'zod';
import type { PulledRecord } from '../../contract/events.ts';
import { defined } from '../rows/textValues.ts';
import { StatusWords } from '../statusWords.ts';
import type { CodeCourierConfig } from './config.ts';
import { type BlueprintKind, Directory, directoryState } from './directory.ts';
import type { Document, DocumentKind } from './documents.ts';
import { EvaluationBook, evaluationState } from './evaluationBook.ts';
import { DocumentFields, instantOf } from './mapping/documentFields.ts';
import { mapAudit } from './mapping/mapAudit.ts';
import { mapPersona, mapWorkflow } from './mapping/mapBlueprint.ts';
import { mapChain } from './mapping/mapChain.ts';
import type { MapContext, MapDocument } from './mapping/mapContext.ts';
import { mapMessage } from './mapping/mapMessage.ts';
import { mapNotification } from './mapping/mapNotification.ts';
import { mapDailyStat, mapProject, mapProjectCounters } from './mapping/mapProject.ts';
import { mapRun } from './mapping/mapRun.ts';
import { mapSandbox } from './mapping/mapSandbox.ts';
import { mapStep } from './mapping/mapStep.ts';
import { mapUsage } from './mapping/mapUsage.ts';
import { STATUS_WORDS } from './mapping/words.ts';
import { SandboxBook, sandboxState } from './sandboxBook.ts';
import { SprintBook, sprintState } from './sprintBook.ts';

const MAPPINGS: Readonly<Record<DocumentKind, MapDocument>> = {
  projects: mapProject,
  projectCounters: mapProjectCounters,
  personas: mapPersona,
  workflows: mapWorkflow,
  usageRecords: mapUsage,
  sprintChains: mapChain,
  runSteps: mapStep,
  runs: mapRun,
  sandboxes: mapSandbox,
  messages: mapMessage,
  notifications: mapNotification,
  auditLogs: mapAudit,
  dailyStats: mapDailyStat,
};

/** What has to be known to go on with a stream of changes; part of the cursor. */
export const platformState = z.object({
  directory: directoryState,
  evaluations: evaluationState,
  sprints: sprintState,
  sandboxes: sandboxState,
});
export type PlatformState = z.infer<typeof platformState>;

/** Uses of a persona or workflow are told when this much time lies between them, not at every step. */
const USE_STEP_MS = 10 * 60_000;

/** Words and values that were warned of; they outlive a poll. */
export class Warnings {
  readonly words: StatusWords;
  readonly #log: Logger;
  readonly #told = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
    this.words = new StatusWords(STATUS_WORDS, log);
  }

  word(field: string, word: string): void {
    this.#once(
      `${field} ${word}`,
      { field, word: word.slice(0, 80) },
      'the source has a word that is not known here; it is kept as an attribute',
    );
  }

  drift(kind: DocumentKind, field: string, found: unknown, expected: string): void {
    this.#once(
      `${kind} ${field}`,
      { documents: kind, field, found: JSON.stringify(found)?.slice(0, 80), expected },
      'a field of the source is not what it should be; it is kept as an attribute',
    );
  }

  #once(key: string, details: object, message: string): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#log.warn(details, message);
  }
}

/** The one mapping of CodeCourier's documents to records, whichever way they were read. */
export class Platform {
  readonly directory: Directory;
  readonly sprints: SprintBook;
  readonly sandboxes: SandboxBook;
  readonly #evaluations: EvaluationBook;
  readonly #config: CodeCourierConfig;
  readonly #warnings: Warnings;
  readonly #used = new Map<string, { kind: BlueprintKind; id: string }>();

  constructor(config: CodeCourierConfig, warnings: Warnings, state: PlatformState | undefined) {
    this.#config = config;
    this.#warnings = warnings;
    this.directory = new Directory(state?.directory);
    this.#evaluations = new EvaluationBook(state?.evaluations);
    this.sprints = new SprintBook(state?.sprints);
    this.sandboxes = new SandboxBook(state?.sandboxes);
  }

  /**
   * @param at when the document was written, where the way of reading knows; else its own time of update counts.
   * @returns its records. {@link flush} tells what several documents say together.
   */
  map(kind: DocumentKind, document: Document, at?: string): readonly PulledRecord[] {
    const fields = this.fieldsOf(kind, document);
    const updatedAt = at ?? instantOf(fields.peek('updatedAt', '_updatedAt'));
    this.#noteUse(kind, fields);
    return MAPPINGS[kind](fields, this.#context(updatedAt));
  }

  fieldsOf(kind: DocumentKind, document: Document): DocumentFields {
    const names = this.#config.fields[kind] ?? {};
    return new DocumentFields(kind, document, names, (...drift) => this.#warnings.drift(...drift));
  }

  /** The names of fields that the mapping of such documents asks for. */
  fieldNames(kind: DocumentKind): ReadonlySet<string> {
    const fields = new DocumentFields(kind, {}, {}, () => {});
    this.#noteUse(kind, fields);
    MAPPINGS[kind](fields, this.#context(undefined));
    return fields.asked;
  }

  /** Chains whose sprints changed, and personas and workflows that were used, since the last call. */
  flush(): PulledRecord[] {
    const chains = this.sprints.takeTouched().map(({ chainId, sprints, at }): PulledRecord => {
      return { kind: 'chain', data: { chainId, sprints }, ...(at === undefined ? {} : { at }) };
    });
    const used = [...this.#used.values()].flatMap(({ kind, id }): PulledRecord[] => {
      const entry = this.directory.get(kind, id);
      if (entry?.lastUsedAt === undefined) return [];
      const key = kind === 'personas' ? 'persona' : 'workflow';
      const data = defined({ [key]: entry.name, project: entry.project, lastUsedAt: entry.lastUsedAt });
      return [{ kind: key, data }];
    });
    this.#used.clear();
    return [...chains, ...used];
  }

  state(): PlatformState {
    return {
      directory: this.directory.state(),
      evaluations: this.#evaluations.state(),
      sprints: this.sprints.state(),
      sandboxes: this.sandboxes.state(),
    };
  }

  #context(at: string | undefined): MapContext {
    const { project_label, run_url, trigger_run_url } = this.#config;
    return {
      directory: this.directory,
      evaluations: this.#evaluations,
      sprints: this.sprints,
      sandboxes: this.sandboxes,
      words: this.#warnings.words,
      projectLabel: project_label,
      runUrl: run_url,
      triggerRunUrl: trigger_run_url,
      at,
      onWord: (field, word) => this.#warnings.word(field, word),
    };
  }

  /** Whether documents of personas and workflows say themselves when they were last used is not published; runs and steps do. */
  #noteUse(kind: DocumentKind, fields: DocumentFields): void {
    const uses: readonly [BlueprintKind, unknown, unknown][] =
      kind === 'runs'
        ? [
            ['workflows', fields.peek('workflowId'), fields.peek('startedAt', 'createdAt', '_creationTime')],
            ['personas', fields.peek('personaId'), fields.peek('startedAt', 'createdAt', '_creationTime')],
          ]
        : kind === 'runSteps'
          ? [['personas', fields.peek('personaId'), fields.peek('startedAt', '_creationTime')]]
          : [];
    for (const [table, id, time] of uses) {
      const usedAt = instantOf(time);
      const entry = typeof id === 'string' ? this.directory.get(table, id) : undefined;
      if (usedAt === undefined || typeof id !== 'string' || entry === undefined) continue;
      const known = entry.lastUsedAt === undefined ? 0 : Date.parse(entry.lastUsedAt);
      if (Date.parse(usedAt) - known < USE_STEP_MS) continue;
      this.directory.set(table, id, { ...entry, lastUsedAt: usedAt });
      this.#used.set(`${table} ${id}`, { kind: table, id });
    }
  }
}
