import { SourceError, type SourceResult } from '../source.ts';

type Failure = Exclude<SourceResult, 'ok'>;

/** SQLSTATE classes and codes, longest first, with what an operator does about them. */
const SQLSTATES: readonly { prefix: string; result: Failure; remedy: string }[] = [
  { prefix: '42501', result: 'auth', remedy: 'grant SELECT on the table to the user of database_url' },
  {
    prefix: '57014',
    result: 'server',
    remedy: 'the statement took too long: raise the timeout of the source, or index the table',
  },
  { prefix: '28', result: 'auth', remedy: 'check user and password of database_url, and pg_hba.conf' },
  { prefix: '3D', result: 'schema', remedy: 'check the database name in database_url' },
  { prefix: '3F', result: 'schema', remedy: 'check the schema in the configuration' },
  { prefix: '42', result: 'schema', remedy: 'run `fleetlens config check --probe` to see what differs' },
  { prefix: '22', result: 'schema', remedy: 'run `fleetlens config check --probe` to see what differs' },
  { prefix: '08', result: 'network', remedy: 'check host and port of database_url' },
  { prefix: '57P', result: 'network', remedy: 'the server is starting, stopping, or ended the connection' },
  { prefix: '53', result: 'server', remedy: 'the server has no connections, memory or disk left' },
];

const NETWORK = /^E(CONN|HOST|NET|PIPE|TIMEDOUT|AI_)|^ENOTFOUND$|^EAI_/;

/** @returns the failure of a driver as a SourceError that says what to do. */
export function databaseError(error: unknown): SourceError {
  // Node tries every address of a name, and its AggregateError has no text of its own.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const message = first instanceof Error ? first.message : String(first);
  const code = codeOf(first);
  const known = code === undefined ? undefined : SQLSTATES.find(({ prefix }) => code.startsWith(prefix));
  if (known !== undefined && code?.length === 5) {
    return new SourceError(`${message} (SQLSTATE ${code}); ${known.remedy}`, { result: known.result, cause: error });
  }
  if ((code !== undefined && NETWORK.test(code)) || /timeout|terminated|ended/i.test(message)) {
    return new SourceError(`${message}; check host and port of database_url, and that the server runs`, {
      result: 'network',
      cause: error,
    });
  }
  return new SourceError(message, { result: 'other', cause: error });
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
