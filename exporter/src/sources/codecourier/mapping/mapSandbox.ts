import type { PulledRecord } from '../../../contract/events.ts';
import { SANDBOX_OPEN_STATUSES } from '../../../contract/status.ts';
import { defined, definedOrNothing } from '../../rows/textValues.ts';
import type { DocumentFields } from './documentFields.ts';
import { type MapContext, recordAt } from './mapContext.ts';
import { readError } from './readError.ts';
import { readPullRequest } from './readPullRequest.ts';
import { fold, SANDBOX_WORDS, wordOf } from './words.ts';

const MIB = 2 ** 20;

export function mapSandbox(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  const sandboxId = fields.id('_id', 'id');
  const word = fields.text('status');
  const status = wordOf(SANDBOX_WORDS, word) ?? (word === undefined ? undefined : 'unknown');
  if (status === 'unknown' && word !== undefined) context.onWord('sandboxes.status', word);
  const runId = fields.name('runId');
  if (sandboxId !== undefined) {
    context.sandboxes.saw(
      sandboxId,
      runId,
      (SANDBOX_OPEN_STATUSES as readonly (string | undefined)[]).includes(status),
    );
  }
  const config = fields.object('config', 'sandboxConfig');
  const template = fields.name('templateId', 'template') ?? config?.templateId ?? config?.template;
  const origin = fields.text('source', 'origin');
  const memoryMiB = fields.amount('memoryMB');
  const diskMiB = fields.amount('diskSizeMB');
  return [
    {
      kind: 'sandbox',
      data: defined({
        sandboxId,
        project: context.directory.projectOf(fields.name('projectId')),
        origin: origin === undefined ? undefined : fold(origin) === 'mergeagent' ? 'merge_agent' : origin,
        config,
        status,
        rawStatus: word,
        template: typeof template === 'string' && template !== '' ? template : undefined,
        createdAt: fields.instant('createdAt', '_creationTime'),
        startedAt: fields.instant('startedAt'),
        endedAt: fields.instant('endedAt', 'killedAt', 'completedAt'),
        runId,
        cpuCount: fields.amount('cpuCount'),
        memoryBytes: fields.amount('memoryBytes') ?? (memoryMiB === undefined ? undefined : memoryMiB * MIB),
        diskBytes: fields.amount('diskBytes') ?? (diskMiB === undefined ? undefined : diskMiB * MIB),
        pullRequest: readPullRequest(fields, context),
        error: readError(fields, 'sandbox'),
        learningExtractionError: fields.name('learningExtractionError'),
        attributes: definedOrNothing(renamed(fields.rest())),
      }),
      ...recordAt(context),
    },
  ];
}

/** `sandboxId` inside the document is E2B's: the record's own id has that name. */
function renamed(rest: Record<string, unknown> | undefined): Record<string, unknown> {
  const { sandboxId, ...others } = rest ?? {};
  return sandboxId === undefined ? others : { ...others, e2bSandboxId: sandboxId };
}
