import type { Scene } from './scene.ts';
import { windowScene } from './windowScene.ts';

export const CHAIN_SCENES: readonly Scene[] = [
  windowScene({
    alert: 'FleetSprintChainFailed',
    family: 'fleet_chains_finished_total',
    labels: { project: 'web', status: 'failed' },
    by: ['project'],
    others: [{ status: 'succeeded' }, { status: 'cancelled' }],
    enough: '0 50:1',
    at: 70,
    past: [85],
    catchUp: 30,
  }),
  windowScene({
    alert: 'FleetSandboxProvisioningFailing',
    family: 'fleet_sandbox_errors_total',
    labels: { project: 'web', stage: 'provision' },
    by: ['project'],
    others: [{ stage: 'run' }, { stage: 'learning_extraction' }],
    enough: '0 40:1 44:2 50:3',
    tooFew: '0 40:1 50:2',
    at: 52,
    also: { quiet: [51] },
    past: [60],
    catchUp: 15,
  }),
];
