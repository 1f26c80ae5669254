import type { PulledRecord } from '../../../contract/events.ts';
import { CHAIN_STATUSES, isOpen } from '../../../contract/status.ts';
import { defined, definedOrNothing, isObject } from '../../rows/textValues.ts';
import type { Sprint } from '../sprintBook.ts';
import { type DocumentFields, instantOf } from './documentFields.ts';
import { type MapContext, recordAt } from './mapContext.ts';
import { readSpan } from './readSpan.ts';

/** A sprint chain. Its sprints are told by the book that joins them with their runs. */
export function mapChain(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  const { directory } = context;
  const chainId = fields.id('_id', 'id', 'chainId');
  const { status: said, ...state } = context.words.read(fields.text('status'));
  const status = CHAIN_STATUSES.find((known) => known === said) ?? (said === undefined ? undefined : 'unknown');
  const open = isOpen(status);
  const createdAt = fields.instant('createdAt', '_creationTime');
  const span = readSpan(fields, !open, createdAt);
  const current = fields.count('currentSprintIndex');
  const urls = fields.list('sprintPrUrls');
  const embedded = fields.list('sprints');
  const runIds = fields.list('sprintRunIds');
  const count = fields.count('sprintCount', 'totalSprints') ?? lengthOf(fields.peek('sprintRange')) ?? urls?.length;
  const workflowId = fields.name('workflowId');
  const workflow = directory.get('workflows', workflowId)?.name ?? fields.name('workflowName') ?? workflowId;
  const failed = fields.count('failedSprintIndex') ?? (status === 'failed' ? current : undefined);
  if (chainId !== undefined) {
    const sprints = readSprints(context, urls ?? [], runIds ?? [], embedded ?? []);
    context.sprints.chainRead(chainId, { status, count, sprints, at: context.at });
  }
  const data = defined({
    chainId,
    project: directory.projectOf(fields.name('projectId')),
    name: fields.text('name'),
    workflow,
    status,
    ...state,
    sprintCount: count,
    currentSprintIndex: current,
    resumeFromSprint: fields.count('resumeFromSprint'),
    failedSprintIndex: failed ?? (open ? null : undefined),
    createdAt,
    finishedAt: span.finishedAt ?? (open ? null : undefined),
    costUsd: fields.amount('costUsd', 'totalCostUsd'),
    attributes: definedOrNothing({
      ...fields.rest(),
      ...span.attributes,
      startedAt: span.startedAt,
      workflowId: workflowId === workflow ? undefined : workflowId,
    }),
  });
  return [{ kind: 'chain', data, ...recordAt(context) }];
}

function readSprints(
  context: MapContext,
  urls: readonly unknown[],
  runIds: readonly unknown[],
  embedded: readonly unknown[],
): Sprint[] {
  const sprints = new Map<number, Sprint>();
  const add = (index: number, more: Partial<Sprint>) => sprints.set(index, { ...sprints.get(index), ...more, index });
  for (const [position, said] of embedded.entries()) {
    if (!isObject(said)) continue;
    const index = typeof said.index === 'number' && said.index >= 0 ? Math.trunc(said.index) : position;
    add(
      index,
      defined({
        name: textIn(said.name),
        runId: textIn(said.runId),
        status: context.words.read(textIn(said.status)).status,
        startedAt: instantOf(said.startedAt),
        finishedAt: instantOf(said.completedAt ?? said.finishedAt),
        prUrl: textIn(said.prUrl),
      }),
    );
  }
  for (const [index, id] of runIds.entries()) if (textIn(id) !== undefined) add(index, defined({ runId: textIn(id) }));
  for (const [index, url] of urls.entries()) if (textIn(url) !== undefined) add(index, defined({ prUrl: textIn(url) }));
  return [...sprints.values()];
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** `sprintRange`: `{start, end}`, `[first, last]` or `"1-5"`, both ends included. */
function lengthOf(range: unknown): number | undefined {
  const ends = isObject(range)
    ? [range.start ?? range.from, range.end ?? range.to]
    : Array.isArray(range)
      ? [range[0], range.at(-1)]
      : typeof range === 'string'
        ? (/^(\d+)\s*(?:-|–|\.\.)\s*(\d+)$/.exec(range.trim())?.slice(1).map(Number) ?? [])
        : [];
  const [first, last] = ends;
  return typeof first === 'number' && typeof last === 'number' && last >= first ? last - first + 1 : undefined;
}
