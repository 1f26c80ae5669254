import { Agent, request } from 'node:http';
import { onFreePort } from '../support/freePort.ts';
import { type ServerProcess, startServer } from '../support/serverProcess.ts';
import { PROJECTS, WORKFLOWS } from './fleet.ts';

export interface Pushgateway {
  readonly url: string;
  readonly process: ServerProcess;
  stop(): Promise<void>;
}

/** Pushgateway with its defaults: in memory, each push checked for consistency with what it holds. */
export async function startPushgateway(): Promise<Pushgateway> {
  const { url, process } = await onFreePort(async (port) => {
    const address = `http://127.0.0.1:${port}`;
    const process = await startServer({
      command: 'prometheus-pushgateway',
      args: [`--web.listen-address=127.0.0.1:${port}`],
      ready: async () => (await fetch(`${address}/-/ready`)).ok,
    });
    return { url: address, process };
  });
  return { url, process, stop: () => process.stop() };
}

/** The families that one finished run moves, as a client library would push them: counters and a histogram. */
function metricsOf(n: number): string {
  const statuses = ['succeeded', 'failed', 'timed_out', 'cancelled'];
  const edges = [1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800];
  const total = statuses.map(
    (status, i) => `fleet_runs_finished_total{persona="engineer",status="${status}"} ${n + i}\n`,
  );
  const buckets = edges.map((edge) => `fleet_run_duration_seconds_bucket{le="${edge}"} ${n}\n`);
  return [
    '# TYPE fleet_runs_created_total counter\n',
    `fleet_runs_created_total{trigger="api"} ${n}\n`,
    '# TYPE fleet_runs_finished_total counter\n',
    ...total,
    '# TYPE fleet_run_duration_seconds histogram\n',
    ...buckets,
    `fleet_run_duration_seconds_bucket{le="+Inf"} ${n}\n`,
    `fleet_run_duration_seconds_sum ${n * 12.5}\n`,
    `fleet_run_duration_seconds_count ${n}\n`,
  ].join('');
}

/** Pushes to a group for each project and workflow. @returns pushes per second, each answered 200 */
export async function pushToPushgateway(
  url: string,
  { seconds, connections }: { readonly seconds: number; readonly connections: number },
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  // A slash in a value travels as base64.
  const groups = PROJECTS.flatMap((project) =>
    WORKFLOWS.map((workflow) => {
      const value = Buffer.from(project).toString('base64url');
      return `${url}/metrics/job/fleet/project@base64/${value}/workflow/${workflow}`;
    }),
  );
  let pushes = 0;
  const push = async () => {
    const n = pushes++;
    const body = metricsOf(n);
    await new Promise<void>((resolve, reject) => {
      const sent = request(groups[n % groups.length] as string, { method: 'POST', agent }, (answer) => {
        answer.resume().once('end', () => {
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`bench: Pushgateway answered ${answer.statusCode}`));
        });
      });
      sent.once('error', reject).end(body);
    });
  };
  // All groups are there before the clock starts.
  for (let i = 0; i < groups.length; i++) await push();
  const before = pushes;
  const started = performance.now();
  const until = started + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < until) await push();
    }),
  );
  const rate = (pushes - before) / ((performance.now() - started) / 1000);
  agent.destroy();
  return rate;
}
