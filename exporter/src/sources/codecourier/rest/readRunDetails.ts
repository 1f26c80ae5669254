import type { PulledRecord } from '../../../contract/events.ts';
import { isObject } from '../../rows/textValues.ts';
import type { PathName } from '../config.ts';
import type { Document } from '../documents.ts';
import type { CallContext } from '../http/apiClient.ts';
import type { Platform } from '../platform.ts';
import { idOf, type RestApi } from './restApi.ts';

/** A run with its steps and their output, wherever the platform puts them. */
export interface RunDetails {
  readonly run: Document;
  readonly steps: readonly Document[];
  readonly messages: readonly Document[];
}

/** The records of one document, under an id for remembering what was sent. */
export interface DocumentRecords {
  readonly id: string;
  readonly records: readonly PulledRecord[];
}

/**
 * Reads what belongs to a run: inside its own document where the platform embeds it, so that one call reads an open run; else
 * from the lists of the run.
 */
export async function readRunDetails(
  api: RestApi,
  platform: Platform,
  runId: string,
  document: Document,
  context: CallContext,
): Promise<RunDetails> {
  const inRun = platform.fieldsOf('runs', document);
  const embeddedSteps = inRun.list('steps', 'runSteps');
  const embeddedOutput = inRun.list('messages', 'output');
  const run = inRun.unread();
  const steps = embeddedSteps ?? (await readAll(api, 'run_steps', runId, context));
  // Where steps are embedded and there are none yet, there is no output of theirs either.
  let hasOutput = embeddedOutput !== undefined || embeddedSteps?.length === 0;
  const messages: Document[] = (embeddedOutput ?? []).filter(isObject).map((message) => ({ runId, ...message }));
  const bareSteps = steps.filter(isObject).map((step) => {
    const inStep = platform.fieldsOf('runSteps', step);
    const output = inStep.list('messages', 'output');
    if (output === undefined) return { runId, ...step };
    hasOutput = true;
    const place = { runId, stepId: inStep.peek('_id', 'id', 'stepId'), sandboxId: inStep.peek('sandboxId') };
    for (const message of output.filter(isObject)) messages.push({ ...place, ...message });
    return { runId, ...inStep.unread() };
  });
  if (!hasOutput) {
    const listed = await readAll(api, 'run_messages', runId, context);
    messages.push(...listed.map((message) => ({ runId, ...message })));
  }
  return { run, steps: bareSteps, messages };
}

/** Steps first: they hold what completes the run. The run's records come first nevertheless, since the others belong to it. */
export function mapRunDetails(platform: Platform, runId: string, details: RunDetails): DocumentRecords[] {
  const steps = details.steps.map((step, index) => ({
    id: `runSteps ${runId} ${index} ${idOf(step)}`,
    records: platform.map('runSteps', step),
  }));
  const run = { id: `runs ${runId}`, records: platform.map('runs', details.run) };
  const messages = details.messages.map((message, index) => ({
    id: `messages ${runId} ${index} ${idOf(message)}`,
    // A position stands in for a number where a message has neither that nor a time.
    records: platform.map('messages', message).map((record) => withSeq(record, index)),
  }));
  return [run, ...steps, ...messages];
}

function withSeq(record: PulledRecord, index: number): PulledRecord {
  return record.data.seq === undefined ? { ...record, data: { ...record.data, seq: index } } : record;
}

async function readAll(
  api: RestApi,
  name: PathName,
  runId: string,
  context: CallContext,
): Promise<readonly Document[]> {
  const documents: Document[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.list(name, cursor, context, runId);
    if (page === undefined) return documents;
    documents.push(...page.documents);
    cursor = page.next;
  } while (cursor !== undefined);
  return documents;
}
