import { SourceError, type SourceResult } from './source.ts';

/** A failed call to a service that answers one call for each thing it is asked about. */
export class HostedError extends SourceError {
  /** No further call can work now: the key is refused, the quota is used up, or the service is not reached. */
  readonly stops: boolean;
  constructor(
    message: string,
    result: Exclude<SourceResult, 'ok'>,
    options: { stops?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    const { retryAfterMs, cause } = options;
    super(message, { result, cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
    this.stops = options.stops ?? false;
  }
}
