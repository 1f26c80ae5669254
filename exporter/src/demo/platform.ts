import type { Story } from './story.ts';

/** A platform, day by day: the stories that begin on a day (counted from 1970-01-01). Days are asked for in order. */
export type Platform = (day: number) => readonly Story[];
