export { DEMO_SOURCES } from './fleet.ts';
export type { PushOptions, PushProgress, PushResult, Rejection } from './pushEvents.ts';
export { EventsRejected, PushRefused, pushEvents } from './pushEvents.ts';
export type { HistoryOptions } from './simulateFleet.ts';
export { simulateFleet } from './simulateFleet.ts';
export type { Clock, LiveOptions } from './simulateLive.ts';
export { SYSTEM_CLOCK, simulateLive } from './simulateLive.ts';
export type { FleetEvent } from './story.ts';
