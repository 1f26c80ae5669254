import type { PulledRecord } from '../../../contract/events.ts';
import { isFinished, isOpen } from '../../../contract/status.ts';
import { defined, definedOrNothing } from '../../rows/textValues.ts';
import type { DocumentFields } from './documentFields.ts';
import { type MapContext, recordAt } from './mapContext.ts';
import { readError } from './readError.ts';
import { readCi, readPullRequest } from './readPullRequest.ts';
import { readSpan } from './readSpan.ts';
import { ORIGIN_WORDS, wordOf } from './words.ts';

const PREVIEW_LINES = 3;
const PREVIEW_LENGTH = 240;
/** "Sprint 2 of 5 - Feature X". */
const SPRINT_NAME = /^Sprint (\d+) of \d+/i;

/** A run as the Runs list and the Run detail view show it. */
export function mapRun(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  const { directory } = context;
  const runId = fields.id('_id', 'id', 'runId');
  const state = context.words.read(fields.text('status'));
  const createdAt = fields.instant('createdAt', '_creationTime');
  const span = readSpan(fields, isFinished(state.status), createdAt);
  const name = fields.text('name');
  const prompt = fields.text('prompt', 'task');
  const word = fields.text('source');
  const origin = word === undefined ? undefined : (wordOf(ORIGIN_WORDS, word) ?? 'other');
  if (word !== undefined && origin === 'other') context.onWord('source', word);
  const workflowId = fields.name('workflowId');
  const chainId = fields.name('chainId', 'sprintChainId');
  const sprintIndex = fields.count('sprintIndex') ?? sprintIn(name);
  const triggerRunId = fields.name('triggerRunId');
  const error = readError(fields, 'run', fields.name('failedStepId', 'errorStepId'));
  const composite = fields.score('qualityScore');
  const quality = runId === undefined ? undefined : context.evaluations.runRead(runId, composite, context.at);
  const workflow = directory.get('workflows', workflowId)?.name ?? fields.name('workflowName') ?? workflowId;
  if (chainId !== undefined && sprintIndex !== undefined) {
    const sprint = { name, runId, status: state.status, ...pick(span) };
    context.sprints.runRead(chainId, { index: sprintIndex, ...defined(sprint) }, context.at);
  }
  const open = isOpen(state.status);
  const data = defined({
    runId,
    project: directory.projectOf(fields.name('projectId')),
    name,
    origin,
    trigger: fields.name('trigger', 'triggeredBy') ?? (word === 'scheduled' ? 'schedule' : undefined),
    workflow,
    persona: directory.get('personas', fields.name('personaId'))?.name ?? fields.name('personaName', 'personaId'),
    model: fields.name('modelId', 'model'),
    provider: fields.name('provider'),
    triggerRunId,
    issueSessionId: fields.name('issueSessionId'),
    promptPreview: fields.text('promptPreview') ?? previewOf(prompt),
    prompt,
    referenceImages: fields.list('referenceImages'),
    config: fields.object('sandboxConfig', 'config'),
    metadata: fields.object('metadata'),
    ...state,
    createdAt,
    startedAt: span.startedAt,
    // What a run that was tried again said of its last end is no longer so.
    finishedAt: span.finishedAt ?? (open ? null : undefined),
    iterations: fields.count('iterations', 'iterationCount', 'totalIterations'),
    attempts: fields.count('attempts', 'attempt'),
    chainId,
    sprintIndex,
    sandboxId: fields.name('sandboxId'),
    pullRequest: readPullRequest(fields, context),
    ci: readCi(fields, context),
    quality,
    error: error ?? (open ? null : undefined),
    costUsd: fields.amount('costUsd', 'totalCostUsd'),
    inputTokens: fields.count('inputTokens'),
    outputTokens: fields.count('outputTokens'),
    commitSha: fields.name('commitSha'),
    links: definedOrNothing({
      source: fields.name('url') ?? linkOf(context.runUrl, runId),
      trigger: fields.name('triggerRunUrl') ?? linkOf(context.triggerRunUrl, triggerRunId),
    }),
    attributes: definedOrNothing({
      ...fields.rest(),
      ...span.attributes,
      ...(origin === 'other' || word === 'scheduled' ? { rawSource: word } : {}),
      workflowId: workflowId === workflow ? undefined : workflowId,
    }),
  });
  return [{ kind: 'run', data, ...recordAt(context) }];
}

function pick({ startedAt, finishedAt }: { startedAt: string | undefined; finishedAt: string | undefined }) {
  return { startedAt, finishedAt };
}

function sprintIn(name: string | undefined): number | undefined {
  const match = name === undefined ? null : SPRINT_NAME.exec(name);
  return match === null ? undefined : Math.max(0, Number(match[1]) - 1);
}

function previewOf(prompt: string | undefined): string | undefined {
  if (prompt === undefined) return undefined;
  const lines = prompt.trim().split('\n').slice(0, PREVIEW_LINES).join('\n');
  return lines.length > PREVIEW_LENGTH ? `${lines.slice(0, PREVIEW_LENGTH - 1).toWellFormed()}…` : lines;
}

function linkOf(template: string | undefined, id: string | undefined): string | undefined {
  return template === undefined || id === undefined ? undefined : template.replace('{id}', encodeURIComponent(id));
}
