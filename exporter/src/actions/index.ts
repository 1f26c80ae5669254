import { acknowledgeBudget } from './acknowledgeBudget.ts';
import { acknowledgeRun } from './acknowledgeRun.ts';
import type { Action } from './action.ts';
import { pinBaseline, rebaseBaseline } from './baselines.ts';
import { dismissNotification, readAllNotifications, readNotification } from './markNotification.ts';

/** Every action, in the order of the API's description. */
export const ACTIONS: readonly Action[] = [
  acknowledgeRun,
  acknowledgeBudget,
  pinBaseline,
  rebaseBaseline,
  readNotification,
  dismissNotification,
  readAllNotifications,
];
