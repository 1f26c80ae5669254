/** How far a push has come. */
export interface PushProgress {
  /** Events that the exporter has answered for: accepted + duplicates + rejected. */
  readonly sent: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  /** Requests that had to be repeated. */
  readonly retries: number;
  /** Time of the latest event that was answered for, RFC 3339. */
  readonly at: string | undefined;
}

export interface PushResult extends PushProgress {
  /** The signal ended it before the events ended. */
  readonly stopped: boolean;
}

export interface Rejection {
  readonly id: string | undefined;
  readonly reason: string;
}

/** The exporter refused some events for what they are; all others were pushed. */
export class EventsRejected extends Error {
  override readonly name = 'EventsRejected';
  readonly result: PushResult;
  /** The first of them. */
  readonly rejections: readonly Rejection[];

  constructor(result: PushResult, rejections: readonly Rejection[]) {
    const shown = rejections.map(({ id, reason }) => `${id ?? '(no id)'}: ${reason}`).join('; ');
    super(`found ${result.rejected} rejected events, expected none. ${shown}`);
    this.result = result;
    this.rejections = rejections;
  }
}

/** The exporter refused a request, and repeating it would change nothing. */
export class PushRefused extends Error {
  override readonly name = 'PushRefused';
  readonly status: number;

  constructor(status: number, body: string) {
    const remedy =
      status === 401 || status === 403
        ? 'check that the token is configured with the role ingest'
        : 'check that the address is that of a Fleetlens exporter of this version';
    super(`POST /api/v1/events: found status ${status}, expected 200; ${remedy}. The answer: ${body.slice(0, 300)}`);
    this.status = status;
  }
}
