import type { FleetApi } from '../api/FleetApi';
import { LiveHub } from './LiveHub';

const hubs = new Map<string, LiveHub>();

/** @returns the one hub of all parts of the page that ask the same data source. */
export function hubOf(api: FleetApi): LiveHub {
  const name = api.url('');
  let hub = hubs.get(name);
  if (hub === undefined) {
    hub = new LiveHub(api, {
      EventSource: globalThis.EventSource,
      // Neither is there on a page that a plain http address serves.
      locks: globalThis.navigator.locks,
      channel: 'BroadcastChannel' in globalThis ? (channel) => new BroadcastChannel(channel) : undefined,
    });
    hubs.set(name, hub);
  }
  return hub;
}
