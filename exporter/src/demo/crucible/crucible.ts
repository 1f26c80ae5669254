import { arrivals, hourly, OFFICE } from '../calendar.ts';
import type { Platform } from '../platform.ts';
import { Story } from '../story.ts';
import type { World } from '../world.ts';
import { tellSearchRun } from './searchRun.ts';
import { CRUCIBLE } from './topics.ts';

const RUNS_BY_DAY = 9;
/** Minute of every hour at which a scheduled search begins. */
const SCHEDULE_MINUTE = 29;

/** A platform of the kind of Int Crucible: searches for solutions, phase by phase. */
export function createCrucible(world: World): Platform {
  return (day) => {
    const random = world.random('crucible', day);
    const times = [...arrivals(random, day, RUNS_BY_DAY * world.scale, OFFICE), ...hourly(day, SCHEDULE_MINUTE)];
    return times.map((ms) => {
      const story = new Story(CRUCIBLE, ms);
      tellSearchRun(world, story, random.uuid(), ms);
      return story;
    });
  };
}
