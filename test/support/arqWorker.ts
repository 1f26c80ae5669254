import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type ServerProcess, startServer } from './serverProcess.ts';

const PYTHON = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));
const WORKER = fileURLToPath(new URL('./arq/worker.py', import.meta.url));
const ENQUEUE = fileURLToPath(new URL('./arq/enqueue.py', import.meta.url));
const DEFAULT_QUEUE = 'arq:queue';

export interface WorkerOptions {
  readonly redisUrl: string;
  /** Default `arq:queue`. */
  readonly queueName?: string;
  /** Seconds that a result is kept; 0: not at all. ARQ's default: 3600. */
  readonly keepResultSeconds?: number;
  /** Seconds between two health records. ARQ's default: 3600. */
  readonly healthCheckIntervalSeconds?: number;
  /** Jobs at once. ARQ's default: 10. */
  readonly maxJobs?: number;
  /** Runs of a job before it counts as failed. ARQ's default: 5. */
  readonly maxTries?: number;
  readonly jobTimeoutSeconds?: number;
  /** IANA name; the times in the worker's health record are in it. */
  readonly timeZone?: string;
}

/** What the worker can do: see arq/worker.py. */
export interface ArqJob {
  readonly function: 'succeed' | 'fail' | 'retry' | 'sleep';
  /** succeed(value), fail(message), retry(times, deferSeconds), sleep(seconds) */
  readonly args?: readonly unknown[];
  readonly jobId?: string;
  readonly deferBySeconds?: number;
}

/** Starts a real ARQ worker process and waits until it takes jobs. `stop` ends it as an operator does, with SIGTERM. */
export function startArqWorker(options: WorkerOptions): Promise<ServerProcess> {
  const settings = {
    redis_url: options.redisUrl,
    queue_name: options.queueName,
    keep_result: options.keepResultSeconds,
    health_check_interval: options.healthCheckIntervalSeconds,
    max_jobs: options.maxJobs,
    max_tries: options.maxTries,
    job_timeout: options.jobTimeoutSeconds,
  };
  const zone = options.timeZone === undefined ? {} : { TZ: options.timeZone };
  return startServer({
    command: PYTHON,
    args: [WORKER],
    env: { ...process.env, ...zone, WORKER_SETTINGS: JSON.stringify(settings) },
    ready: ({ output }) => output().includes('worker is ready'),
  });
}

/**
 * Enqueues jobs in one go through ARQ's own client.
 * @returns the job ids in the same order; null where ARQ refused a job id that it knows already
 */
export async function enqueueJobs(
  redisUrl: string,
  jobs: readonly ArqJob[],
  queueName = DEFAULT_QUEUE,
): Promise<(string | null)[]> {
  const child = spawn(PYTHON, [ENQUEUE], { stdio: ['pipe', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  child.stdin.on('error', () => {}); // The exit code and stderr say why it stopped reading.
  child.stdin.end(
    JSON.stringify({
      redis_url: redisUrl,
      queue_name: queueName,
      jobs: jobs.map(({ function: name, args, jobId, deferBySeconds }) => ({
        function: name,
        args,
        job_id: jobId,
        defer_by_seconds: deferBySeconds,
      })),
    }),
  );
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  if (code !== 0) throw new Error(`Enqueueing ARQ jobs failed with code ${code}: ${stderr}`);
  return JSON.parse(stdout);
}
