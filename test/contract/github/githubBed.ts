import pino from 'pino';
import { onTestFinished } from 'vitest';
import { configSchema } from '../../../exporter/src/sources/github/config.ts';
import { github } from '../../../exporter/src/sources/github/github.ts';
import type { PullLedger } from '../../../exporter/src/sources/poll/pullLedger.ts';
import type { Source } from '../../../exporter/src/sources/source.ts';
import { event, type LedgerBed, openLedger } from '../../ledger/ledgerBed.ts';
import { type HostedPoll, pollHosted } from '../pollHosted.ts';
import { GithubServer, type Seen } from './githubServer.ts';

/** The source whose runs have pull requests. */
export const AGENTS = 'agents';

export interface Polled extends HostedPoll {
  /** What was asked of GitHub. */
  readonly asked: readonly Seen[];
  /** How often something was written to the ledger. */
  readonly writes: number;
}

export interface GithubBed extends LedgerBed {
  readonly github: GithubServer;
  readonly source: Source;
  /** Another exporter process with the same configuration. */
  create(options?: object): Source;
  /** Runs of {@link AGENTS} with an open pull request of acme/app each, by its number. */
  runs(...numbers: readonly number[]): Promise<void>;
  poll(source?: Source): Promise<Polled>;
  run(
    number: number,
  ): Promise<Record<string, unknown> & { pullRequest: Record<string, unknown>; ci?: Record<string, unknown> }>;
}

export const pageUrl = (number: number) => `https://github.com/acme/app/pull/${number}`;

export async function githubBed(options: object = {}): Promise<GithubBed> {
  const server = await GithubServer.start();
  onTestFinished(() => server.stop());
  const bed = await openLedger();
  onTestFinished(() => bed[Symbol.asyncDispose]());
  const create = (more: object = {}) => {
    const config = configSchema.parse({
      api_key: server.token,
      base_url: server.url,
      web_url: 'https://github.com',
      runs_of: [AGENTS],
      ...options,
      ...more,
    });
    const source = github.create('github', config, pino({ level: 'silent' }));
    onTestFinished(() => source.close());
    return source;
  };
  const source = create();
  return {
    ...bed,
    [Symbol.asyncDispose]: bed[Symbol.asyncDispose],
    github: server,
    source,
    create,
    async runs(...numbers) {
      const at = new Date(Date.now() - 300_000).toISOString();
      const events = numbers.map((number) =>
        event(
          `open-${number}`,
          'run',
          at,
          {
            runId: `run-${number}`,
            project: 'acme',
            status: 'succeeded',
            finishedAt: at,
            pullRequest: { url: pageUrl(number), number, status: 'created' },
          },
          AGENTS,
        ),
      );
      await bed.ledger.recordPushed(events);
    },
    poll: (polled = source) => poll(polled, bed.ledger, server),
    async run(number) {
      const [row] = await bed.query<{ doc: Awaited<ReturnType<GithubBed['run']>> }>(
        'select doc from fleetlens.run where key = $1',
        [`run-${number}`],
      );
      if (row === undefined) throw new Error(`no run of pull request ${number}`);
      return row.doc;
    },
  };
}

async function poll(source: Source, ledger: PullLedger, server: GithubServer): Promise<Polled> {
  let writes = 0;
  server.take();
  const counting: PullLedger = {
    readCursor: (name) => ledger.readCursor(name),
    openRunIds: (name) => ledger.openRunIds(name),
    openPullRequests: (sources) => ledger.openPullRequests(sources),
    async recordPulled(batch) {
      writes += 1;
      await ledger.recordPulled(batch);
    },
  };
  const polled = await pollHosted(source, counting, { name: 'github' });
  if (server.failure !== undefined) throw server.failure;
  return { ...polled, asked: server.take(), writes };
}
