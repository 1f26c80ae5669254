import type { PulledRecord } from '../../../contract/events.ts';
import { defined } from '../../rows/textValues.ts';
import type { DocumentFields } from './documentFields.ts';
import { type MapContext, recordAt } from './mapContext.ts';

/** What a step, a sandbox or a task used and what that cost; linked to run, sandbox, chain and issue session. */
export function mapUsage(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  const { directory } = context;
  const durationMs = fields.amount('durationMs');
  const personaId = fields.name('personaId');
  return [
    {
      kind: 'usage',
      data: defined({
        usageId: fields.id('_id', 'id', 'usageId'),
        project: directory.projectOf(fields.name('projectId')),
        runId: fields.name('runId'),
        stepId: fields.name('stepId', 'runStepId'),
        sandboxId: fields.name('sandboxId'),
        chainId: fields.name('chainId'),
        issueSessionId: fields.name('issueSessionId'),
        persona: directory.get('personas', personaId)?.name ?? personaId,
        service: fields.name('service'),
        date: fields.day('date') ?? fields.day('_creationTime'),
        quantity: fields.amount('quantity'),
        unit: fields.name('unit'),
        costUsd: fields.amount('costUsd'),
        tool: fields.name('toolId'),
        model: fields.name('modelId'),
        stepType: fields.name('stepType'),
        inputTokens: fields.count('inputTokens'),
        outputTokens: fields.count('outputTokens'),
        cacheReadTokens: fields.count('cacheReadTokens'),
        cacheWriteTokens: fields.count('cacheWriteTokens'),
        reasoningTokens: fields.count('reasoningTokens'),
        durationSeconds: durationMs === undefined ? undefined : durationMs / 1000,
        attributes: fields.rest(),
      }),
      ...recordAt(context),
    },
  ];
}
