import type { PulledRecord } from '../../../contract/events.ts';
import type { StatusWords } from '../../statusWords.ts';
import type { Directory } from '../directory.ts';
import type { EvaluationBook } from '../evaluationBook.ts';
import type { SandboxBook } from '../sandboxBook.ts';
import type { SprintBook } from '../sprintBook.ts';
import type { DocumentFields } from './documentFields.ts';

/** How a project is called in labels. */
export type ProjectLabel = 'repository' | 'slug' | 'name' | 'id';

export interface MapContext {
  readonly directory: Directory;
  readonly evaluations: EvaluationBook;
  readonly sprints: SprintBook;
  readonly sandboxes: SandboxBook;
  readonly words: StatusWords;
  readonly projectLabel: ProjectLabel;
  /** Templates with `{id}`. */
  readonly runUrl: string | undefined;
  readonly triggerRunUrl: string | undefined;
  /** When the platform last changed the document (RFC 3339), where it says so. */
  readonly at: string | undefined;
  /** Told of a word of a closed list that is not known; it is kept as an attribute. */
  readonly onWord: (field: string, word: string) => void;
}

export type MapDocument = (fields: DocumentFields, context: MapContext) => readonly PulledRecord[];

export function recordAt(context: MapContext): { at?: string } {
  return context.at === undefined ? {} : { at: context.at };
}
