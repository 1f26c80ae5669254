import type { ErrorEvent, NodeOptions } from '@sentry/node';
import type { ErrorReporter } from '../http/errorAnswers.ts';
import { redactValue } from './redactValue.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface SentryReporter extends ErrorReporter {
  /** Sends what is waiting; at most `timeoutMs`. */
  close(timeoutMs?: number): Promise<void>;
}

export interface StartSentryOptions {
  readonly env?: Environment;
  readonly release: string;
  /** Whether OpenTelemetry is set up by the exporter itself; then Sentry takes errors only. */
  readonly tracingElsewhere: boolean;
}

/**
 * Reports errors to Sentry where SENTRY_DSN is set, with SENTRY_ENVIRONMENT (default production) and
 * SENTRY_TRACES_SAMPLE_RATE (0 to 1, default 0.1). Without a DSN nothing is imported.
 * @returns undefined without a DSN.
 * @throws Error where a variable is wrong.
 */
export async function startSentry(options: StartSentryOptions): Promise<SentryReporter | undefined> {
  const env = options.env ?? process.env;
  const dsn = env.SENTRY_DSN;
  if (dsn === undefined || dsn === '') return undefined;
  const tracesSampleRate = readRate(env.SENTRY_TRACES_SAMPLE_RATE);
  const Sentry = await import('@sentry/node');
  const settings: NodeOptions = {
    dsn,
    environment: env.SENTRY_ENVIRONMENT || 'production',
    release: options.release,
    sendDefaultPii: false,
    integrations: (defaults) => [
      // It would report each failed request first, without request id and route, and ours would count as the duplicate.
      ...defaults.filter(({ name }) => name !== 'Fastify' && name !== 'Http'),
      // Bodies are the fleet's data (prompts, output); by default up to 10 kB of each would be sent.
      Sentry.httpIntegration({ maxIncomingRequestBodySize: 'none' }),
    ],
    // Two tracers on one process would both wrap node:http; the one that the operator configured by OTLP goes first.
    ...(options.tracingElsewhere ? { skipOpenTelemetrySetup: true } : { tracesSampleRate }),
    beforeSend: scrub,
    beforeSendTransaction: scrub,
    beforeBreadcrumb: scrub,
  };
  if (Sentry.init(settings)?.getDsn() === undefined) {
    throw new Error('SENTRY_DSN: found no valid DSN, expected https://<key>@<host>/<project>; correct or unset it');
  }
  return {
    captureException: (error, { requestId, route }) => {
      Sentry.captureException(error, { tags: { requestId, route } });
    },
    close: async (timeoutMs = 2000) => {
      await Sentry.close(timeoutMs);
    },
  };
}

/** Redacts an event of Sentry as plain data; what Sentry keeps beside it for itself is not sent. */
function scrub<Event extends object>(event: Event): Event {
  // sdkProcessingMetadata holds live objects (scopes, the request); Sentry removes it itself before sending.
  const { sdkProcessingMetadata, ...data } = event as Event & Pick<ErrorEvent, 'sdkProcessingMetadata'>;
  const clean = redactValue(JSON.parse(JSON.stringify(data))) as Event; // same shape: only texts differ
  return sdkProcessingMetadata === undefined ? clean : { ...clean, sdkProcessingMetadata };
}

function readRate(text: string | undefined): number {
  const rate = text === undefined || text === '' ? 0.1 : Number(text);
  if (rate >= 0 && rate <= 1) return rate;
  throw new Error(`SENTRY_TRACES_SAMPLE_RATE: found ${JSON.stringify(text)}, expected a number from 0 to 1`);
}
