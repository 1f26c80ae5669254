import type { Timeline } from '../timeline.ts';
import { judgeBudgets } from './budgets.ts';
import { type Condition, Evidence } from './evidence.ts';
import { judgeExporter } from './exporter.ts';
import { judgeIntegrations } from './integrations.ts';
import { judgeQuality } from './quality.ts';
import { judgeQueues } from './queues.ts';
import { judgeRuns } from './runs.ts';
import { judgeWork } from './work.ts';

/**
 * Says when each condition of the catalogue became true and false, from what happened alone: it reads the events and outages, and knows
 * neither metrics nor expressions.
 */
export function judgeByRecords(timeline: Timeline): Condition[] {
  const evidence = new Evidence(timeline);
  judgeRuns(evidence);
  judgeQuality(evidence);
  judgeWork(evidence);
  judgeBudgets(evidence);
  judgeQueues(evidence);
  judgeIntegrations(evidence);
  judgeExporter(evidence);
  return evidence.conditions;
}
