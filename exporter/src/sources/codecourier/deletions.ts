import type { PulledRecord } from '../../contract/events.ts';
import type { DocumentKind } from './documents.ts';
import type { Platform } from './platform.ts';

/** What the disappearance of a document says. */
export interface Deletion {
  readonly records: readonly PulledRecord[];
  readonly goneRuns: readonly string[];
}

const NOTHING: Deletion = { records: [], goneRuns: [] };

/**
 * A run that is gone is lost, an open sandbox was killed, an open chain cancelled, a workflow or persona archived. What had
 * ended stays as it ended; of usage, notifications and projects the past stays true.
 * @param at when it was deleted (RFC 3339)
 */
export function readDeletion(platform: Platform, kind: DocumentKind, id: string, at: string): Deletion {
  switch (kind) {
    case 'runs':
      return { records: [], goneRuns: [id] };
    case 'sandboxes': {
      const data = { sandboxId: id, status: 'killed', rawStatus: 'deleted', endedAt: at };
      return platform.sandboxes.gone(id) ? { records: [{ kind: 'sandbox', data, at }], goneRuns: [] } : NOTHING;
    }
    case 'sprintChains': {
      const data = { chainId: id, status: 'cancelled', rawStatus: 'deleted', finishedAt: at };
      return platform.sprints.gone(id) ? { records: [{ kind: 'chain', data, at }], goneRuns: [] } : NOTHING;
    }
    case 'workflows':
    case 'personas': {
      const entry = platform.directory.remove(kind, id);
      if (entry === undefined) return NOTHING;
      const key = kind === 'workflows' ? 'workflow' : 'persona';
      const project = entry.project === undefined ? {} : { project: entry.project };
      return { records: [{ kind: key, data: { [key]: entry.name, ...project, archivedAt: at }, at }], goneRuns: [] };
    }
    default:
      return NOTHING;
  }
}
