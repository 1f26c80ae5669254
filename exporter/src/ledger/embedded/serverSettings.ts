import { createHash } from 'node:crypto';

/** The port only names the socket file (.s.PGSQL.5432): nothing listens on TCP. */
export const SERVER_PORT = 5432;
/** The cluster's one role (its superuser) and its one database. */
export const SERVER_ROLE = 'fleetlens';
export const SERVER_DATABASE = 'fleetlens';

/**
 * The server's environment is made, not inherited: the exporter's own holds tokens (anyone of the server's account could read
 * them in /proc), and PGDATA, PGPORT, PGOPTIONS or a locale would change what the binaries do.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** Shown in every child's process title, so that processes which outlive a killed postmaster can be told from other clusters'. */
export function clusterName(clusterDir: string): string {
  return `fleetlens-${createHash('sha256').update(clusterDir).digest('hex').slice(0, 12)}`;
}

/** The postmaster's arguments. Given on the command line, they win over whatever postgresql.conf in the cluster says. */
export function serverArguments(options: { clusterDir: string; socketDir: string }): string[] {
  const { clusterDir, socketDir } = options;
  const settings: Record<string, string> = {
    // Durability: an acknowledged event is on disk. These are Postgres's defaults; named so that no edited file undoes them.
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',

    // Only a unix socket in a directory of mode 0700: no port to find, to race for or to guard.
    listen_addresses: '',
    port: String(SERVER_PORT),
    // A list with commas, so a path is quoted.
    unix_socket_directories: `"${socketDir.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    password_encryption: 'scram-sha-256',
    // One exporter's pool, the CLI beside it and a psql or two.
    max_connections: '50',

    // A server of 2 cores and 1 to 2 GB shared with the exporter. The rollups and the newest records are the working set,
    // the rest is read through the kernel's cache.
    shared_buffers: '128MB',
    effective_cache_size: '512MB',
    // Per sort or hash; 50 connections rarely sort at once.
    work_mem: '8MB',
    maintenance_work_mem: '64MB',
    // Postgres 18 starts three read workers; two cores are shared with Node.
    io_workers: '2',
    max_parallel_workers_per_gather: '1',
    // Parallel queries otherwise allocate in /dev/shm, which Docker limits to 64 MB and then fails with "No space left on device".
    min_dynamic_shared_memory: '32MB',
    // Ingest writes the same pages over and over; checkpoints far apart write each once and log fewer full pages. Recovery
    // after a crash replays at most this much, some seconds.
    max_wal_size: '1GB',
    min_wal_size: '160MB',
    checkpoint_timeout: '10min',
    // No wal_compression: these binaries are built without lz4 and zstd ("Available values: pglz, on, off"), and pglz
    // would take the CPU that ingest needs on two cores.
    // The ledger lives on SSDs today; 4.0 is the default for spinning disks and prefers whole-table scans.
    random_page_cost: '1.1',
    // Dead versions of hot rollup rows: vacuum at 5 % instead of 20 %.
    autovacuum_vacuum_scale_factor: '0.05',
    autovacuum_analyze_scale_factor: '0.05',
    // The ledger's statements take milliseconds; compiling them takes longer.
    jit: 'off',
    // A client that vanished (a killed exporter) must not keep the ledger's writer lock.
    client_connection_check_interval: '5s',

    timezone: 'UTC',
    log_timezone: 'UTC',
    // The reader in serverLog.ts splits at this prefix.
    log_line_prefix: '[%p] ',
    logging_collector: 'off',
    log_destination: 'stderr',
    cluster_name: clusterName(clusterDir),
  };
  return ['-D', clusterDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
