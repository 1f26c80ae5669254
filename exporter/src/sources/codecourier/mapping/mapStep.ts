import type { PulledRecord } from '../../../contract/events.ts';
import { isFinished, isOpen } from '../../../contract/status.ts';
import { defined, definedOrNothing, isObject } from '../../rows/textValues.ts';
import type { DocumentFields } from './documentFields.ts';
import { type MapContext, recordAt } from './mapContext.ts';
import { readError } from './readError.ts';
import { readQuality } from './readQuality.ts';
import { readSpan } from './readSpan.ts';
import { VERDICT_WORDS, wordOf } from './words.ts';

/** Evaluator steps are ordered by iteration, then by their place in the run. */
const PLACES = 1_000;

/** A step of the timeline; an evaluator's scores also complete the run. */
export function mapStep(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  const { directory } = context;
  const stepId = fields.id('_id', 'id', 'stepId');
  const runId = fields.name('runId');
  const state = context.words.read(fields.text('status'));
  const span = readSpan(fields, isFinished(state.status) || state.status === 'skipped');
  const index = fields.count('index', 'stepIndex', 'order');
  const iteration = fields.count('iteration', 'iterationNumber');
  const personaId = fields.name('personaId');
  const persona = directory.get('personas', personaId);
  const workflow = directory.get('workflows', fields.name('workflowId'));
  const quality = readQuality(fields.object('qualityScores'), {
    weights: persona?.weights ?? workflow?.weights,
    threshold: persona?.threshold ?? workflow?.threshold,
  });
  const sandboxId = fields.peek('sandboxId');
  if (typeof sandboxId === 'string' && runId !== undefined) context.sandboxes.belongsTo(sandboxId, runId);
  const error = readError(fields, 'step');
  const open = isOpen(state.status);
  const step: PulledRecord = {
    kind: 'step',
    data: defined({
      runId,
      stepId,
      index,
      iteration,
      name: fields.text('name', 'label'),
      role: fields.name('role', 'stepType'),
      tool: fields.name('toolId', 'tool'),
      model: fields.name('modelId', 'model'),
      ...state,
      startedAt: span.startedAt,
      finishedAt: span.finishedAt ?? (open ? null : undefined),
      attempt: fields.count('attempt'),
      verdict: readVerdict(fields, context),
      quality,
      error: error ?? (open ? null : undefined),
      costUsd: fields.amount('costUsd'),
      inputTokens: fields.count('inputTokens'),
      outputTokens: fields.count('outputTokens'),
      attributes: definedOrNothing({
        ...fields.rest(),
        ...span.attributes,
        persona: persona?.name,
        personaId: persona === undefined ? personaId : undefined,
      }),
    }),
    ...recordAt(context),
  };
  if (runId === undefined || quality === undefined) return [step];
  const order = (iteration ?? 0) * PLACES + (index ?? 0);
  const judged = context.evaluations.stepJudged(runId, order, quality, context.at);
  if (judged === undefined) return [step];
  const at = judged.at === undefined ? {} : { at: judged.at };
  return [step, { kind: 'run', data: { runId, quality: judged.quality }, ...at }];
}

/** A verdict is a word or a flag with the feedback beside it, or an object of both. */
function readVerdict(fields: DocumentFields, context: MapContext): object | undefined {
  const said = fields.raw('verdict', 'checkerVerdict');
  const feedback = fields.text('feedback', 'checkerFeedback');
  const { verdict, passed, feedback: inner, ...more } = isObject(said) ? said : { verdict: said };
  const value = passed ?? verdict;
  const word = typeof value === 'string' || typeof value === 'boolean' ? String(value) : undefined;
  const known = wordOf(VERDICT_WORDS, word);
  if (word !== undefined && known === undefined) context.onWord('verdict', word);
  return definedOrNothing({
    ...more,
    passed: known === undefined ? undefined : known === 'pass',
    rawVerdict: known === undefined ? word : undefined,
    feedback: feedback ?? (typeof inner === 'string' ? inner : undefined),
  });
}
