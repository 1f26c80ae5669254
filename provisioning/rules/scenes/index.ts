import { RULES_DIRECTORY } from '../index.ts';
import { CHAIN_SCENES } from './chains.ts';
import { COST_SCENES } from './cost.ts';
import { EXPORTER_SCENES } from './exporter.ts';
import {
  ADAPTER_DAY_SCENES,
  ADAPTER_SCENES,
  ERROR_DAY_SCENES,
  ERROR_SCENES,
  RATE_LIMIT_SCENES,
  STORE_SCENES,
} from './integrations.ts';
import { QUALITY_LONG_SCENES, QUALITY_SCENES } from './quality.ts';
import { QUEUE_DAY_SCENES, QUEUE_SCENES } from './queues.ts';
import { FAILURE_LONG_SCENES, FAILURE_SCENES, RUN_SCENES } from './runs.ts';
import { promtoolTest, type Scene } from './scene.ts';

export interface SceneFile {
  readonly name: string;
  /** The rule file that is tested. */
  readonly rules: string;
  /** How often the rules are evaluated; rarely in scenes of many hours. */
  readonly evaluationInterval: '1m' | '5m' | '15m';
  readonly scenes: readonly Scene[];
}

const file = (
  rules: string,
  scenes: readonly Scene[],
  long?: { readonly name: string; readonly every: '5m' | '15m' },
): SceneFile => ({
  name: long === undefined ? rules : `${rules}-${long.name}`,
  rules,
  evaluationInterval: long?.every ?? '1m',
  scenes,
});
const HOURS = { name: 'hours', every: '5m' } as const;
const DAY = { name: 'day', every: '15m' } as const;

export const SCENE_FILES: readonly SceneFile[] = [
  file('fleet-failures', FAILURE_SCENES),
  file('fleet-failures', FAILURE_LONG_SCENES, HOURS),
  file('fleet-runs', RUN_SCENES),
  file('fleet-quality', QUALITY_SCENES),
  file('fleet-quality', QUALITY_LONG_SCENES, HOURS),
  file('fleet-chains', CHAIN_SCENES),
  file('fleet-queues', QUEUE_SCENES),
  file('fleet-queues', QUEUE_DAY_SCENES, DAY),
  file('fleet-cost', COST_SCENES),
  file('fleet-adapters', ADAPTER_SCENES),
  file('fleet-adapters', ADAPTER_DAY_SCENES, DAY),
  file('fleet-errors', ERROR_SCENES),
  file('fleet-errors', ERROR_DAY_SCENES, DAY),
  file('fleet-rate-limits', RATE_LIMIT_SCENES),
  file('fleet-stores', STORE_SCENES),
  file('fleet-exporter', EXPORTER_SCENES),
];

/** A test file of promtool; `ruleFile` as seen from it. */
export function promtoolFile(
  { evaluationInterval, scenes }: SceneFile,
  ruleFile: string,
  replicas: readonly (1 | 2)[] = [1, 2],
): object {
  return {
    rule_files: [ruleFile],
    evaluation_interval: evaluationInterval,
    tests: scenes.flatMap((scene) => replicas.map((count) => promtoolTest(scene, count))),
  };
}

/**
 * The generated tests by their path in the project, for `promtool test rules provisioning/prometheus/rules/tests/*.yml`.
 * @param toYaml writes a test file of promtool
 */
export function renderRuleTests(toYaml: (file: object) => string): [path: string, content: string][] {
  return SCENE_FILES.map((one) => [
    `${RULES_DIRECTORY}/tests/${one.name}.yml`,
    `# Generated from provisioning/rules/scenes by npm run generate; do not edit. Each source is a case, named after what it is about.\n${toYaml(promtoolFile(one, `../${one.rules}.yml`))}`,
  ]);
}
