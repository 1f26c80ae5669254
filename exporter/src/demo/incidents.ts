import { DAY, HOUR, MINUTE, weekOf, weekStart } from './calendar.ts';
import { Random } from './random.ts';

/** What goes wrong now and then, and for how long (minutes). Every kind comes once a week, on a working day. */
const INCIDENTS = {
  api_key_expired: { minutes: [40, 40], targets: ['acme/payments-api', 'acme/web-shop', 'globex/data-platform'] },
  rate_limit_storm: { minutes: [25, 45], targets: ['anthropic', 'openai'] },
  broken_template: { minutes: [30, 60], targets: ['acme/mobile-app', 'acme/web-shop', 'hooli/search-service'] },
  persona_regression: { minutes: [420, 600], targets: ['Feature builder', 'Bug fixer'] },
  ci_blocked: { minutes: [150, 240], targets: ['acme/web-shop', 'acme/payments-api', 'globex/data-platform'] },
  worker_down: { minutes: [30, 45], targets: ['arq:queue'] },
  adapter_auth_expired: { minutes: [35, 60], targets: ['xero', 'netsuite', 'salesforce'] },
  redis_pressure: { minutes: [90, 180], targets: ['redis'] },
  redis_unreachable: { minutes: [4, 7], targets: ['redis'] },
  postgres_slow: { minutes: [4, 8], targets: ['postgres'] },
  handler_errors: { minutes: [5, 12], targets: ['handleIssueComment', 'handlePullRequest'] },
  webhook_flood: { minutes: [10, 20], targets: ['octo-org/cli-kit', 'octo-org/docs-site'] },
  artifacts_disk_full: { minutes: [45, 80], targets: ['artifacts'] },
} as const;
export type IncidentKind = keyof typeof INCIDENTS;

export interface Incident {
  readonly kind: IncidentKind;
  /** The project, service, workflow or part that it hits. */
  readonly target: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The incidents of a fleet, for all time. */
export class Incidents {
  readonly #seed: string;
  readonly #weeks = new Map<number, readonly Incident[]>();

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** @returns the incident of that kind that goes on at `ms` and hits `target` (any, where none is named). */
  at(kind: IncidentKind, ms: number, target?: string): Incident | undefined {
    return this.ofWeek(weekOf(ms)).find(
      (incident) =>
        incident.kind === kind &&
        ms >= incident.fromMs &&
        ms < incident.toMs &&
        (target === undefined || incident.target === target),
    );
  }

  /** @returns the incidents of that kind that begin on a day. */
  onDay(kind: IncidentKind, day: number): readonly Incident[] {
    return this.ofWeek(weekOf(day * DAY)).filter(
      (incident) => incident.kind === kind && Math.floor(incident.fromMs / DAY) === day,
    );
  }

  ofWeek(week: number): readonly Incident[] {
    let incidents = this.#weeks.get(week);
    if (incidents === undefined) {
      incidents = (Object.keys(INCIDENTS) as IncidentKind[]).map((kind) => this.#plan(kind, week));
      this.#weeks.set(week, incidents);
    }
    return incidents;
  }

  #plan(kind: IncidentKind, week: number): Incident {
    const random = new Random(this.#seed, 'incident', kind, week);
    const { minutes, targets } = INCIDENTS[kind];
    // From 8 to 14 UTC on a working day, so that even the longest ends before midnight.
    const fromMs = weekStart(week) + random.integer(0, 4) * DAY + Math.round(random.between(8, 13.5) * HOUR);
    const toMs = fromMs + Math.round(random.between(minutes[0], minutes[1])) * MINUTE;
    return { kind, target: random.pick<string>(targets), fromMs, toMs };
  }
}
