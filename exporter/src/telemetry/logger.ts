import { type DestinationStream, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import { redactValue } from './redactValue.ts';

export interface CreateLoggerOptions {
  readonly level: string;
  /** Where the lines go; default standard error, so that programs can read a command's standard output. */
  readonly destination?: DestinationStream;
}

/** Only lines that could hold a secret are taken apart; the test costs about a microsecond a line. */
const SUSPICIOUS =
  /:\/\/|token|secret|passw|key|authorization|cookie|dsn|bearer|basic|grafana|sk-|gh[pousr]_|eyJ|_live_|_test_/i;

/**
 * A pino logger that writes one JSON object a line, with ISO times, and without secrets: names such as authorization,
 * cookie, token or password lose their value at any depth, and credentials inside texts (URLs, tokens of known shape) too.
 * Redaction is the last step before writing, so that no serializer or error message goes past it.
 */
export function createLogger({ level, destination }: CreateLoggerOptions): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    hooks: { streamWrite: redactLine },
    formatters: { level: (label) => ({ level: label }) },
  };
  return pino(options, destination ?? pino.destination({ dest: 2, sync: true }));
}

function redactLine(line: string): string {
  if (!SUSPICIOUS.test(line)) return line;
  return `${JSON.stringify(redactValue(JSON.parse(line)))}\n`;
}
