export { DEMO_SOURCES } from './fleet.ts';
export { pushEvents } from './pushEvents.ts';
export { simulateFleet } from './simulateFleet.ts';
export { simulateLive } from './simulateLive.ts';
