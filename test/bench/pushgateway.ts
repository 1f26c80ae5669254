import { Agent, request } from 'node:http';
import { onFreePort } from '../support/freePort.ts';
import { type ServerProcess, startServer } from '../support/serverProcess.ts';

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

interface Group {
  readonly path: string;
  /** Its whole registry in the text format, as a client library pushes it. */
  readonly body: string;
}

/**
 * The fleet families of an exposition as a batch job would push them: a group for each project and workflow, one for what
 * has no such labels. The labels that name the group stay in the lines; Pushgateway writes the same over them.
 */
export function groupsOf(exposition: string): Group[] {
  const bodies = new Map<string, string[]>();
  let header: string[] = [];
  let headerOf = new Set<string>();
  for (const line of exposition.split('\n')) {
    if (line.startsWith('# HELP ')) {
      header = [line];
      headerOf = new Set();
    } else if (line.startsWith('# TYPE ')) header.push(line);
    else if (line.startsWith('fleet_')) {
      const path = ['project', 'workflow'].map((label) => groupingPair(label, line)).join('');
      const body = bodies.get(path) ?? [];
      bodies.set(path, body);
      if (!headerOf.has(path)) body.push(...header);
      headerOf.add(path);
      body.push(line);
    }
  }
  return [...bodies].map(([path, lines]) => ({ path: `/metrics/job/fleet${path}`, body: `${lines.join('\n')}\n` }));
}

/** `/project@base64/…` where the line has that label: a slash in a value travels as base64. */
function groupingPair(label: string, line: string): string {
  const value = new RegExp(`[{,]${label}="([^"]+)"`).exec(line)?.[1];
  return value === undefined ? '' : `/${label}@base64/${Buffer.from(value).toString('base64url')}`;
}

/** Pushes the groups in turn, a push for each event. @returns pushes per second, each answered 200 */
export async function pushToPushgateway(
  url: string,
  groups: readonly Group[],
  { seconds, connections }: { readonly seconds: number; readonly connections: number },
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let pushes = 0;
  const push = async () => {
    const { path, body } = groups[pushes++ % groups.length] as Group;
    await new Promise<void>((resolve, reject) => {
      const sent = request(`${url}${path}`, { method: 'PUT', agent }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.once('end', () => {
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`bench: Pushgateway answered ${answer.statusCode}: ${text.slice(0, 300)}`));
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
