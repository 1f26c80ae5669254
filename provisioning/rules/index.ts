import { CHAIN_RULES } from './chains.ts';
import { COST_RULES } from './cost.ts';
import { EXPORTER_RULES } from './exporter.ts';
import { ADAPTER_RULES, ERROR_RULES, RATE_LIMIT_RULES, STORE_RULES } from './integrations.ts';
import { QUALITY_RULES } from './quality.ts';
import { QUEUE_RULES } from './queues.ts';
import { type RuleFile, renderRuleFile } from './ruleFile.ts';
import { FAILURE_RULES, RUN_RULES } from './runs.ts';

export const RULE_FILES: readonly RuleFile[] = [
  FAILURE_RULES,
  RUN_RULES,
  QUALITY_RULES,
  CHAIN_RULES,
  QUEUE_RULES,
  COST_RULES,
  ADAPTER_RULES,
  ERROR_RULES,
  RATE_LIMIT_RULES,
  STORE_RULES,
  EXPORTER_RULES,
];

/** Where Prometheus reads them, from the project's root. */
export const RULES_DIRECTORY = 'provisioning/prometheus/rules';

/** The generated files by their path in the project. */
export function renderRules(): [path: string, content: string][] {
  return RULE_FILES.map((file) => [`${RULES_DIRECTORY}/${file.name}.yml`, renderRuleFile(file)]);
}
