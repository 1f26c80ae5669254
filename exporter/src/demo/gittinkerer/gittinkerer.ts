import { arrivals, DAY, OFFICE } from '../calendar.ts';
import type { Platform } from '../platform.ts';
import { Story } from '../story.ts';
import type { World } from '../world.ts';
import { tellPlatformErrors, tellRateLimits } from './platformErrors.ts';
import { GITTINKERER } from './requests.ts';
import { RedisTotals, tellStoreReadings } from './storeReadings.ts';
import { tellTinkerRun } from './tinkerRun.ts';

const RUNS_A_DAY = 40;

/** A platform of the kind of GitTinkerer: small changes on request, Redis and Postgres behind it, errors and limits. */
export function createGittinkerer(world: World): Platform {
  const totals = new RedisTotals(world);
  return (day) => {
    const random = world.random('gittinkerer', day);
    const stories = arrivals(random, day, RUNS_A_DAY * world.scale, OFFICE).map((ms) => {
      const story = new Story(GITTINKERER, ms);
      tellTinkerRun(world, story, random.uuid(), ms);
      return story;
    });
    const readings = new Story(GITTINKERER, day * DAY, { divisible: true });
    tellStoreReadings(world, totals, readings, day);
    tellPlatformErrors(world, readings, day);
    tellRateLimits(world, readings, day);
    return [...stories, readings];
  };
}
