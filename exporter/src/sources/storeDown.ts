import { type PulledRecord, SourceError } from './source.ts';

/** The record of a store that could not be asked. */
export function storeDown(store: string, error: unknown): PulledRecord {
  const message = error instanceof Error ? error.message : String(error);
  const isTimeout = /time.?d? ?out|no answer within/i.test(message);
  const isConnection = error instanceof SourceError && (error.result === 'network' || error.result === 'auth');
  const at = new Date().toISOString();
  const kind = isTimeout ? 'timeout' : isConnection ? 'connection' : 'other';
  return { kind: 'store', at, data: { store, at, up: false, error: { kind, message } } };
}
