import { once, rise, unlessCatchingUp } from './promql.ts';
import type { RuleFile } from './ruleFile.ts';
import { valuesOf } from './thresholds.ts';

const near = valuesOf('FleetBudgetNearLimit');
const usage = valuesOf('FleetUsageMissing');
const persona = valuesOf('FleetPersonaUnused');
const SPENT = once('fleet_budget_spent_usd');
/** A limit of 0 means that there is no budget. */
const LIMIT = `(${once('fleet_budget_limit_usd')} > 0)`;
const BUDGET = '{{ $labels.budget }}{{ if $labels.subject }} of {{ $labels.subject }}{{ end }}';
const LIMIT_NOW = `{{ with printf "max(fleet_budget_limit_usd{budget=%q,scope=%q,subject=%q})" $labels.budget $labels.scope $labels.subject | query }} of {{ . | first | value | printf "%.2f" }}{{ end }}`;

export const COST_RULES: RuleFile = {
  name: 'fleet-cost',
  about: 'Money: budgets, their pauses, what is not accounted for, personas that nobody uses.',
  rules: [
    {
      alert: 'FleetBudgetExceeded',
      expr: `
        ${SPENT}
          >=
        ${LIMIT}`,
      summary: `The budget ${BUDGET} is exceeded`,
      description: `{{ $value | printf "%.2f" }}${LIMIT_NOW} USD are spent in the window that is open now. Where the budget pauses, an admin has to acknowledge before new sessions start.`,
      dashboard: ['fleetlens-cost'],
    },
    {
      alert: 'FleetBudgetNearLimit',
      expr: `
        ${SPENT}
          >= ${near.ratio} *
        ${LIMIT}`,
      summary: `The budget ${BUDGET} is nearly spent`,
      description: `{{ $value | printf "%.2f" }}${LIMIT_NOW} USD are spent, ${near.ratio * 100}% or more. Raise the limit, or expect sessions to pause.`,
      dashboard: ['fleetlens-cost'],
    },
    {
      alert: 'FleetBudgetPaused',
      expr: `${once('fleet_budget_paused')} == 1`,
      summary: `New sessions are paused: the budget ${BUDGET} was exceeded`,
      description:
        'The scope stays paused until an admin acknowledges it, on the budgets page of the Grafana app or by POST /api/v1/actions (acknowledge_budget).',
      dashboard: ['fleetlens-cost'],
    },
    {
      alert: 'FleetUsageMissing',
      expr: `
        ${rise('source, project', 'fleet_run_usage_missing_total', '', usage.window)} >= ${usage.runs}
          ${unlessCatchingUp(usage.window)}`,
      summary: 'Runs of {{ $labels.project }} ({{ $labels.source }}) report no usage',
      description: `{{ $value | printf "%.0f" }} runs finished in the last ${usage.window} without token or cost figures: budgets do not see what they spent.`,
      dashboard: ['fleetlens-cost', 'source', 'project'],
    },
    {
      alert: 'FleetPersonaUnused',
      expr: `time() - ${once('fleet_persona_last_used_timestamp_seconds')} > ${persona.age}`,
      summary: 'Nobody uses the persona {{ $labels.persona }} of {{ $labels.project }} ({{ $labels.source }})',
      description: 'It was last used {{ $value | humanizeDuration }} ago. Retire it, or say why it stays.',
      dashboard: ['fleetlens-review', 'source', 'project', 'persona'],
    },
  ],
};
