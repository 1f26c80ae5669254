import { slotOfCost } from '../budgets/slotOfCost.ts';
import { type Fact, label, type RecordView, type View } from './recordView.ts';
import { serviceLabel } from './serviceLabel.ts';

export const viewUsage: View<'usage'> = (usage, { costFrom, stampOf, timeZone = 'UTC' }): RecordView => {
  const { source } = usage;
  const project = label(usage.project);
  const service = usage.service === undefined ? '' : serviceLabel(usage.service);
  const facts: Fact[] = [];
  if (usage.quantity !== undefined) {
    facts.push({
      family: 'fleet_usage_quantity_total',
      key: 'quantity',
      labels: [source, project, service, label(usage.unit)],
      value: usage.quantity,
    });
  }
  if (costFrom === 'usage') {
    const of = [source, project, service, label(usage.model)];
    if (usage.costUsd !== undefined) {
      facts.push({
        family: 'fleet_cost_usd_total',
        key: 'cost',
        labels: [...of, label(usage.stepType)],
        value: usage.costUsd,
      });
      facts.push({
        family: 'fleet_persona_cost_usd_total',
        key: 'cost',
        labels: [source, project, label(usage.persona)],
        value: usage.costUsd,
        spent: {
          slot: slotOfCost({ at: stampOf('costUsd'), date: usage.date, timeZone }),
          project,
          persona: label(usage.persona),
          runId: label(usage.runId),
        },
      });
    }
    const counted = (unit: string) => (usage.unit === unit ? usage.quantity : undefined);
    const tokens: [string, number | undefined][] = [
      ['input', usage.inputTokens ?? counted('input_tokens')],
      ['output', usage.outputTokens ?? counted('output_tokens')],
      ['cache_read', usage.cacheReadTokens],
      ['cache_write', usage.cacheWriteTokens],
      ['reasoning', usage.reasoningTokens],
    ];
    for (const [direction, value] of tokens) {
      if (value !== undefined)
        facts.push({ family: 'fleet_tokens_total', key: direction, labels: [...of, direction], value });
    }
  }
  return { facts, parts: [] };
};
