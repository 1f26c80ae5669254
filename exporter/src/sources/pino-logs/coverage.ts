/** What the platform's document says of its logs, the record field that holds it, and where it shows. */
export const coverage: readonly {
  readonly document: string;
  readonly field: string;
  readonly record: string;
  readonly shows: string;
}[] = [
  ['level error', 'platformError.level', 'fleet_errors_total'],
  ['err.message', 'platformError.message', 'API platform-errors'],
  ['err.stack: the handler', 'platformError.component', 'fleet_errors_total'],
  ['err.stack', 'platformError.attributes.stack', 'API platform-errors'],
  ['time', 'platformError.at', 'API platform-errors'],
  ['requestId', 'platformError.requestId', 'API platform-errors'],
  ['run_id', 'platformError.runId', 'API platform-errors'],
  ['repo', 'platformError.project', 'API platform-errors'],
  ['url', 'platformError.attributes.path', 'API platform-errors'],
  ['method', 'platformError.attributes.method', 'API platform-errors'],
  ['statusCode', 'platformError.attributes.statusCode', 'API platform-errors'],
  ['req.remoteAddress', 'platformError.attributes.remoteAddress', 'API platform-errors'],
  ['err, its shape', 'platformError.fingerprint', 'API platform-errors'],
  ['name', 'platformError.attributes.logger', 'API platform-errors'],
  ['pid', 'platformError.attributes.pid', 'API platform-errors'],
  ['hostname', 'platformError.attributes.hostname', 'API platform-errors'],
  ['[rate-limit], two in one moment', 'rateLimit.eventId', 'API rate-limits'],
  ['any other field', 'platformError.attributes.attempt', 'API platform-errors'],
  ['[rate-limit] Repo … limit exceeded', 'rateLimit.limited', 'fleet_rate_limited_total'],
  ['[rate-limit] Repo …', 'rateLimit.project', 'fleet_rate_limited_total'],
  ['[rate-limit] IP …', 'rateLimit.attributes.ip', 'API rate-limits'],
  ['[rate-limit] 4/… remaining', 'rateLimit.remaining', 'API rate-limits'],
  ['[rate-limit] …/5 remaining', 'rateLimit.limit', 'API rate-limits'],
  ['[redis] Connection failed', 'store.error.kind', 'fleet_store_errors_total'],
  ['[redis] ECONNREFUSED', 'store.error.message', 'API stores'],
  ['[cache] Cache hit', 'store.hitsTotal', 'fleet_cache_hits_total'],
  ['[cache] Cache miss', 'store.missesTotal', 'fleet_cache_misses_total'],
  ['[cache] Evicting stale entries', 'store.evictionsTotal', 'fleet_cache_evictions_total'],
  ['[db] Running migration', 'store.attributes.lastMigration', 'API stores'],
  ['[db] Migration completed', 'store.attributes.lastMigrationSeconds', 'API stores'],
].map(([field = '', record = '', shows = '']) => ({ document: 'logs', field, record, shows }));
