import { createCodecourier } from './codecourier/codecourier.ts';
import { CODECOURIER } from './codecourier/fleet.ts';
import { createCrucible } from './crucible/crucible.ts';
import { CRUCIBLE } from './crucible/topics.ts';
import { createDemiton } from './demiton/demiton.ts';
import { DEMITON } from './demiton/workflows.ts';
import { createGittinkerer } from './gittinkerer/gittinkerer.ts';
import { GITTINKERER } from './gittinkerer/requests.ts';
import type { Platform } from './platform.ts';
import type { World } from './world.ts';

/** The sources of the simulated fleet, as they are configured and pushed. */
export const DEMO_SOURCES: readonly string[] = [CODECOURIER, DEMITON, CRUCIBLE, GITTINKERER];

export function createFleet(world: World): Platform {
  const platforms = [createCodecourier(world), createDemiton(world), createCrucible(world), createGittinkerer(world)];
  return (day) => platforms.flatMap((platform) => platform(day));
}
