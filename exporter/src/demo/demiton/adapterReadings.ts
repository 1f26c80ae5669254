import { DAY, HOUR, MINUTE, OFFICE } from '../calendar.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { ADAPTER_FAILURES, ADAPTERS, type Adapter } from './workflows.ts';

const PERIOD_MS = 30 * MINUTE;
const INCIDENT_PERIOD_MS = MINUTE;
type Failing = keyof typeof ADAPTER_FAILURES;

/** Tells how the calls of the adapters went, period by period. */
export function tellAdapterReadings(world: World, story: Story, day: number): void {
  for (const adapter of ADAPTERS) {
    for (let end = day * DAY + PERIOD_MS; end < (day + 1) * DAY; end += PERIOD_MS) {
      const begin = end - PERIOD_MS;
      // An incident is told minute by minute: where it began and ended would be lost in half an hour.
      const broken = world.incidents
        .onDay('adapter_auth_expired', day)
        .some((i) => i.target === adapter && i.fromMs < end && i.toMs > begin);
      const step = broken ? INCIDENT_PERIOD_MS : PERIOD_MS;
      for (let ms = begin + step; ms <= end; ms += step) tellPeriod(world, story, adapter, ms, step);
    }
  }
}

function tellPeriod(world: World, story: Story, adapter: Adapter, ms: number, lengthMs: number): void {
  const random = world.random('adapter', adapter, ms);
  const hour = Math.floor((ms % DAY) / HOUR);
  const calls = random.poisson((4 + 6 * (OFFICE.hours[hour] ?? 1)) * (lengthMs / PERIOD_MS));
  if (calls === 0) return;
  const tell = (result: Failing | 'ok', count: number, message?: string) =>
    story.tell('adapter', ms, `adapter/${adapter}/${result}/${ms}`, {
      adapter,
      at: instantOf(ms),
      project: 'northwind/finance',
      result,
      count,
      latencySeconds: Math.round(random.logNormal(result === 'network' ? 10 : 0.42, 0.4) * 1000) / 1000,
      message,
    });
  if (world.incidents.at('adapter_auth_expired', ms, adapter)) {
    tell('auth', calls, `${adapter}: ${ADAPTER_FAILURES.auth}`);
    return;
  }
  const failures = random.chance(0.12) ? 1 : 0;
  if (calls > failures) tell('ok', calls - failures);
  if (failures > 0) {
    const kind = random.weighted<Failing>([
      ['network', 4],
      ['rate_limit', 4],
      ['server', 3],
      ['schema', 2],
      ['auth', 1],
      ['other', 1],
    ]);
    tell(kind, failures, `${adapter}: ${ADAPTER_FAILURES[kind]}`);
  }
}
