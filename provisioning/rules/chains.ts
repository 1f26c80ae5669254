import { rise, unlessCatchingUp } from './promql.ts';
import type { RuleFile } from './ruleFile.ts';
import { valuesOf } from './thresholds.ts';

const chain = valuesOf('FleetSprintChainFailed');
const sandbox = valuesOf('FleetSandboxProvisioningFailing');

export const CHAIN_RULES: RuleFile = {
  name: 'fleet-chains',
  about: 'Sprint chains and the sandboxes that runs work in.',
  rules: [
    {
      alert: 'FleetSprintChainFailed',
      expr: `
        ${rise('source, project', 'fleet_chains_finished_total', 'status="failed"', chain.window)} > 0
          ${unlessCatchingUp(chain.window)}`,
      summary: 'A sprint chain of {{ $labels.project }} ({{ $labels.source }}) failed',
      description: `{{ $value | printf "%.0f" }} failed in the last ${chain.window}. Its page names the sprint; once mended, the chain resumes from there.`,
      dashboard: ['fleetlens-chains', 'source', 'project'],
      find: ['chain_failed', 'source', 'project'],
    },
    {
      alert: 'FleetSandboxProvisioningFailing',
      expr: `
        ${rise('source, project', 'fleet_sandbox_errors_total', 'stage="provision"', sandbox.window)} >= ${sandbox.errors}
          ${unlessCatchingUp(sandbox.window)}`,
      summary: 'Sandboxes of {{ $labels.project }} ({{ $labels.source }}) cannot be provisioned',
      description: `{{ $value | printf "%.0f" }} could not be provisioned in the last ${sandbox.window}: no run of the project can start. Check the template and the provider's key, quota and status page.`,
      dashboard: ['fleetlens-chains', 'source', 'project'],
      find: ['unattended', 'source', 'project'],
    },
  ],
};
