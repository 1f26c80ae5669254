import { Incidents } from './incidents.ts';
import { Random } from './random.ts';

/** What all parts of a simulated fleet share. */
export interface World {
  readonly seed: string;
  /** Multiplies how much people and programs ask for. */
  readonly scale: number;
  /** Live: also what nobody reads a week later, such as output while it streams. */
  readonly fine: boolean;
  readonly incidents: Incidents;
  /** A stream of numbers for the thing of that name. */
  random(...names: readonly (string | number)[]): Random;
}

export function createWorld(seed: number | string, scale: number, fine: boolean): World {
  if (!(scale > 0 && Number.isFinite(scale))) {
    throw new RangeError(`scale: found ${scale}, expected a number above 0`);
  }
  // Another scale is another fleet: the same ids with other bodies would be conflicts.
  const name = scale === 1 ? `${seed}` : `${seed}*${scale}`;
  return {
    seed: name,
    scale,
    fine,
    incidents: new Incidents(name),
    random: (...names) => new Random(name, ...names),
  };
}
