import fc from 'fast-check';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ChangesAnswer, type OutputChange, streamEvent } from '../../exporter/src/contract/live.ts';
import type { OutputRecord } from '../../exporter/src/contract/records.ts';
import { topicOf } from '../../exporter/src/contract/topics.ts';
import { type LiveRoutesOptions, liveRoutes } from '../../exporter/src/http/live/liveRoutes.ts';
import { pruneLedger } from '../../exporter/src/ledger/retention/pruneLedger.ts';
import { waitFor } from '../support/waitFor.ts';
import { EventStream } from './eventStream.ts';
import { type ServedLedger, type ServedReads, serveLedger, serveReads, TOKENS } from './servedLedger.ts';

const TEAM = 'acme/storefront';
const SOURCE = 'own';
const SILENT = pino({ level: 'silent' });
let served: ServedLedger;
/** Another exporter on the same ledger: it has a connection of its own and hears of no commit. */
let replica: ServedReads;
let replicaPool: pg.Pool;
const open: EventStream[] = [];

beforeAll(async () => {
  served = await serveLedger([TEAM]);
  replicaPool = poolOf(4);
  replica = await serveAnother({});
});
afterEach(() => {
  for (const stream of open.splice(0)) stream.cut();
});
afterAll(async () => {
  await replica?.close();
  await replicaPool?.end();
  await served?.close();
});

/** As that of an exporter: a connection that is lost is no end of the process. */
function poolOf(max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: served.connectionString, max });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

function serveAnother(options: Partial<LiveRoutesOptions>): Promise<ServedReads> {
  return serveReads(replicaPool, [TEAM], (app) => {
    liveRoutes(app, { pool: replicaPool, onCommit: () => () => {}, log: SILENT, ...options });
  });
}

async function follow(
  topics: readonly string[],
  options: { at?: { url: string }; token?: keyof typeof TOKENS; lastEventId?: string | undefined; query?: string } = {},
): Promise<EventStream> {
  const { at = served, token = 'all', lastEventId, query = '' } = options;
  const asked = topics.map((topic) => `topics=${encodeURIComponent(topic)}`).join('&');
  const headers = { authorization: `Bearer ${TOKENS[token]}` };
  const stream = await EventStream.open(`${at.url}/api/v1/stream?${asked}${query}`, headers, lastEventId);
  open.push(stream);
  return stream;
}

let ids = 0;
const event = (kind: string, data: Record<string, unknown>) => {
  const at = new Date().toISOString();
  return { id: `e${++ids}`, source: SOURCE, kind, at, data };
};
const run = (runId: string, data: Record<string, unknown> = {}) =>
  event('run', { runId, project: TEAM, status: 'running', createdAt: new Date().toISOString(), ...data });
const line = (runId: string, seq: number, data: Record<string, unknown> = {}) =>
  event('output', { runId, stepId: 's', seq, role: 'stdout', text: `line ${seq}`, ...data });
const lines = (stream: EventStream): OutputRecord[] => stream.of('output').flatMap(({ data }) => data.lines);
const seqs = (stream: EventStream) => lines(stream).map(({ seq }) => seq as number);
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

describe('GET /api/v1/stream', () => {
  it('is an event stream that nothing on the way holds back', async () => {
    const { response } = await (await follow(['runs'])).ready();
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(response.headers.get('content-encoding')).toBeNull();
  });

  it('tells a run as the list answers it, under each of its topics, and what belongs to it', async () => {
    const chainId = 'chain, with/odd:characters@1';
    const runId = 'run, with/odd:characters@1 é';
    const topics = ['runs', topicOf('run', SOURCE, runId), topicOf('chain', SOURCE, chainId), 'sandboxes'];
    const stream = await (await follow([topics.join(',')])).ready();
    await served.record([run(runId, { chainId, prompt: 'long and secret' })]);
    await served.record([event('step', { runId, stepId: 'plan', status: 'running' })]);
    await served.record([event('sandbox', { sandboxId: 'sbx', runId, status: 'running' })]);
    await served.record([run('somebody else’s')]);
    const told = await waitFor(() => (stream.of('record').length >= 4 ? stream.of('record') : undefined), {
      what: 'four records',
    });
    const { body } = await served.get(`/api/v1/runs?chain_id=${encodeURIComponent(chainId)}`);
    expect(told.map(({ data }) => [data.kind, [...data.topics].sort()])).toEqual([
      ['run', topics.slice(0, 3).sort()],
      ['step', topics.slice(1, 2)],
      ['sandbox', ['sandboxes', topics[1]].sort()],
      ['run', ['runs']],
    ]);
    expect(told[0]?.data.record).toEqual((body as { data: unknown[] }).data[0]);
    expect(told[1]?.data.key).toEqual({ runId, stepId: 'plan' });
    for (const one of stream.events) streamEvent.parse(one);
  });

  it('begins the output of a run with its last lines, and goes on as they come', async () => {
    const runId = 'tail';
    await served.record([run(runId), ...upTo(30).map((seq) => line(runId, seq))]);
    const stream = await (await follow([topicOf('output', SOURCE, runId)], { query: '&tail=10' })).ready();
    expect(stream.of('output').map(({ data }) => data.tail)).toEqual([true]);
    await served.record([line(runId, 30), line(runId, 31)]);
    await waitFor(() => seqs(stream).length === 12, { what: 'the next lines' });
    expect(seqs(stream)).toEqual(upTo(12, 20));
  });

  it('tells what a sandbox prints, in a run and outside of it, to who may see it', async () => {
    const sandboxId = 'sandbox, with/odd:characters';
    const runId = 'in the sandbox';
    const topic = topicOf('sandbox-output', SOURCE, sandboxId);
    await served.record([
      run(runId),
      run('of others', { project: 'acme/secret' }),
      event('sandbox', { sandboxId, project: TEAM, runId }),
      line(runId, 1, { sandboxId }),
    ]);
    const stream = await (await follow([topic, topicOf('output', SOURCE, runId)], { token: 'team' })).ready();
    const { runId: _, ...alone } = line('', 3, { sandboxId }).data as Record<string, unknown>;
    await served.record([
      line(runId, 2, { sandboxId }),
      event('output', alone),
      line('of others', 4, { sandboxId }),
      line(runId, 5, { sandboxId: 'another' }),
    ]);
    await waitFor(() => stream.of('output').length >= 5, { what: 'what was printed' });
    const told = stream.of('output').map(({ data }) => [data.topics, data.lines.map(({ seq }) => seq)]);
    const both = [topicOf('output', SOURCE, runId), topic];
    // What was there comes first: of each topic.
    expect(told.slice(0, 2)).toEqual([
      [[topic], [1]],
      [[topicOf('output', SOURCE, runId)], [1]],
    ]);
    expect(told.slice(2).map(([topics, numbers]) => [[...(topics as string[])].sort(), numbers])).toEqual([
      [both, [2]],
      [[topic], [3]],
      [both.slice(0, 1), [5]],
    ]);
  });

  it('goes on exactly from a page of output that was read before', async () => {
    const runId = 'from a page';
    await served.record([run(runId), ...upTo(5).map((seq) => line(runId, seq))]);
    const { body } = await served.get(`/api/v1/runs/own/${encodeURIComponent(runId)}/output?tail=3`);
    const { position } = body as { position: string };
    await served.record([line(runId, 5)]);
    const stream = await follow([`${topicOf('output', SOURCE, runId)}@${position}`, 'chains']);
    await served.record([line(runId, 6)]);
    await waitFor(() => seqs(stream).length >= 2, { what: 'the lines after the page' });
    expect(seqs(stream)).toEqual([5, 6]);
  });

  it('loses and repeats nothing, however often the connection is cut, whichever replica it comes back to', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { minLength: 4, maxLength: 12 }), fc.integer(), async (cuts, salt) => {
        const runId = `cut ${salt} ${++ids}`;
        await served.record([run(runId)]);
        const topic = topicOf('output', SOURCE, runId);
        const found: number[] = [];
        let lastEventId: string | undefined;
        let printed = 0;
        let isPrinting = true;
        const printing = (async () => {
          for (const cut of cuts) {
            const batch = upTo(1 + cut * 40, printed).map((seq) => line(runId, seq));
            printed += batch.length;
            // Several runs in one commit, so that ids are of entries in the midst of it.
            await served.record(batch.flatMap((one, i) => (i % 7 === 0 ? [one, run(`other ${i}`)] : [one])));
          }
          isPrinting = false;
        })();
        for (let i = 0; ; i++) {
          const at = i % 2 === 0 ? served : replica;
          const stream = await follow([topic, 'runs'], { at, lastEventId, query: '&tail=5000' });
          const isLast = !isPrinting && i >= cuts.length;
          const enough = isLast ? printed - found.length : Math.min(cuts[i % cuts.length] ?? 0, printed - found.length);
          await waitFor(() => seqs(stream).length >= enough && stream.events.length > 0, { what: `${enough} lines` });
          stream.cut();
          await waitFor(() => stream.isOver, { what: 'the connection to be cut' });
          found.push(...seqs(stream));
          lastEventId = stream.lastEventId;
          if (isLast) break;
        }
        await printing;
        expect(found).toEqual(upTo(printed));
      }),
      { numRuns: 6 },
    );
  });

  it('goes on from every single event, in the midst of a commit too', async () => {
    const runId = 'every event';
    const topics = [topicOf('output', SOURCE, runId), 'runs', 'budgets'];
    const stream = await (await follow(topics)).ready();
    // More lines than one event has, and runs between them, in one commit.
    const batch = upTo(1_200).map((seq) => line(runId, seq));
    await served.record([run(runId), ...batch.slice(0, 700), run('between'), ...batch.slice(700), run('at the end')]);
    // Those that are told from a place; the lines at the beginning have none.
    const isChange = ({ event: name, id }: { event: string; id?: string | undefined }) =>
      id !== undefined && ['record', 'output', 'list'].includes(name);
    const told = await waitFor(
      () => seqs(stream).length === 1_200 && stream.of('list').length > 0 && stream.events.filter(isChange),
      {
        what: 'all of it',
      },
    );
    expect(told.length).toBeGreaterThan(5);
    for (const [i, { id }] of told.entries()) {
      const rest = told.slice(i + 1);
      const again = await (await follow(topics, { lastEventId: id })).ready();
      await waitFor(() => again.events.filter(isChange).length >= rest.length, { what: `what comes after ${id}` });
      expect(again.events.filter(isChange)).toEqual(rest);
      again.cut();
      const { body } = await served.get(`/api/v1/changes?since=${id}&topics=${encodeURIComponent(topics.join(','))}`);
      expect((body as ChangesAnswer).events).toEqual(rest);
    }
  });

  it('hears of what another replica commits', async () => {
    const stream = await (await follow(['runs'], { at: replica })).ready();
    await served.record([run('of the other replica')]);
    await waitFor(() => stream.of('record'), { what: 'the run' });
  });

  it('says when what came between is not kept any more, and begins anew with the last lines', async () => {
    const runId = 'reset';
    await served.record([run(runId), line(runId, 0)]);
    const stream = await (await follow(['runs'])).ready();
    const { lastEventId } = stream;
    await served.record([line(runId, 1)]);
    await served.ledger.pool.query('update fleetlens.run_fact_state set seq = (select seq from fleetlens.head)');
    const day = 86_400_000;
    // By the server's clock, the changes are older than a millisecond then.
    await served.ledger.pool.query('select pg_sleep(0.005)');
    await pruneLedger(served.ledger, {
      output: 400 * day,
      output_bytes_per_run: 1e9,
      samples: 400 * day,
      runs: 400 * day,
      changes: 1,
    });
    const again = await (await follow([topicOf('output', SOURCE, runId)], { lastEventId })).ready();
    expect(again.events.map((one) => one.event)).toEqual(['reset', 'output', 'ready']);
    expect(again.of('reset')[0]?.data.reason).toBe('too_old');
    expect(seqs(again)).toEqual([0, 1]);
    // Who has seen everything goes on, though all of it was pruned.
    const { position } = again.of('ready')[0]?.data ?? {};
    const current = await (await follow(['runs'], { lastEventId: position })).ready();
    expect(current.of('reset')).toEqual([]);
    const unknown = await (await follow(['runs'], { lastEventId: '999999999' })).ready();
    expect(unknown.of('reset')[0]?.data.reason).toBe('unknown_position');
  });

  it('tells a run that is not of the reader’s projects nothing, nor what is not for the role', async () => {
    const runId = 'of another team';
    const all = [
      'runs',
      'queues',
      'chains',
      'usage',
      'budgets',
      topicOf('run', SOURCE, runId),
      topicOf('output', SOURCE, runId),
    ];
    const team = await (await follow(all, { token: 'team', query: '&tail=0' })).ready();
    const admin = await (await follow(all, { query: '&tail=0' })).ready();
    await served.record([
      run(runId, { project: 'acme/secret' }),
      event('step', { runId, stepId: 'a', status: 'running' }),
      line(runId, 1),
      event('usage', { usageId: 'u1', runId, costUsd: 1 }),
      event('queue', { queue: 'default', due: 3 }),
      event('chain', { chainId: 'c of another team', project: 'acme/secret', status: 'running' }),
    ]);
    await served.record([run('of the team')]);
    const seen = await waitFor(() => (team.of('list').length > 0 ? team.events : undefined), {
      what: 'the run of the team',
    });
    expect(
      seen.filter((one) => one.event !== 'ready').map((one) => [one.event, 'key' in one.data && one.data.key]),
    ).toEqual([
      ['record', { runId: 'of the team' }],
      ['list', false],
    ]);
    await waitFor(() => admin.of('list').length === 2, { what: 'everything' });
    expect(
      admin
        .of('record')
        .map(({ data }) => data.kind)
        .sort(),
    ).toEqual(['chain', 'queue', 'run', 'run', 'step', 'usage']);
    expect(seqs(admin)).toEqual([1]);
  });

  it('tells a notification to who follows notifications, and not to everybody who follows its run', async () => {
    const runId = 'somebody is told of';
    const followers = [['notifications'], [topicOf('run', SOURCE, runId)], ['runs', topicOf('run', SOURCE, runId)]];
    const [own, ...others] = await Promise.all(followers.map(async (topics) => (await follow(topics)).ready()));
    const title = 'for ann alone';
    await served.record([
      event('notification', { notificationId: 'n1', runId, user: 'ann', project: TEAM, title }),
      event('platformError', { errorId: 'p1', runId, project: TEAM, message: 'of the platform' }),
      run(runId),
    ]);
    await waitFor(() => others.every((stream) => stream.of('record').length > 0), { what: 'the run' });
    await waitFor(() => own?.of('record'), { what: 'the notification' });
    expect(own?.of('record').map(({ data }) => data.kind)).toEqual(['notification']);
    expect(others.map((stream) => stream.of('record').map(({ data }) => data.kind))).toEqual([['run'], ['run']]);
  });

  it('tells of a commit with very many runs that the list is to be read again', async () => {
    const stream = await (await follow(['runs', topicOf('run', SOURCE, 'crowd 7')])).ready();
    await served.record(upTo(400).map((i) => run(`crowd ${i}`)));
    await waitFor(() => stream.of('list'), { what: 'the list to be told' });
    expect(stream.of('record').map(({ data }) => data.key)).toEqual([{ runId: 'crowd 7' }]);
  });

  it('keeps nothing in memory for a client that does not read, and cuts it', async () => {
    const ended: string[] = [];
    const metrics = {
      open: { set: () => {} },
      events: { inc: () => {} },
      ended: { inc: ({ reason }: { reason: string }, count = 1) => ended.push(...Array(count).fill(reason)) },
    } as unknown as NonNullable<LiveRoutesOptions['metrics']>;
    const slow = await serveAnother({ metrics, times: { heartbeatMs: 50, renewMs: 600_000, stuckMs: 500 } });
    const runId = 'slow';
    await served.record([run(runId)]);
    const response = await fetch(`${slow.url}/api/v1/stream?topics=${topicOf('output', SOURCE, runId)}`, {
      headers: { authorization: `Bearer ${TOKENS.all}` },
    });
    const text = 'x'.repeat(60_000);
    for (const batch of upTo(20)) await served.record(upTo(20, batch * 20).map((seq) => line(runId, seq, { text })));
    await waitFor(() => ended.includes('slow'), { what: 'the client to be cut' });
    await response.body?.cancel().catch(() => {});
    await slow.close();
  });

  it('waits while the ledger does not answer, and loses nothing', async () => {
    const url = new URL(served.connectionString);
    const database = decodeURIComponent(url.pathname.slice(1));
    url.pathname = '/postgres';
    const admin = new pg.Client({ connectionString: url.href });
    await admin.connect();
    const pool = poolOf(2);
    const away = await serveReads(pool, [TEAM], (app) => {
      liveRoutes(app, { pool, onCommit: () => () => {}, log: SILENT });
    });
    try {
      const stream = await (await follow(['runs'], { at: away })).ready();
      await admin.query(`alter database "${database}" allow_connections false`);
      await admin.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
        [database],
      );
      await waitFor(() => stream.of('state').some(({ data }) => data.ledger === 'down'), {
        what: 'the ledger to be down',
      });
      await expect(follow(['runs'], { at: away })).rejects.toThrow(/503.*ledger_unavailable/);
      await admin.query(`alter database "${database}" allow_connections true`);
      await waitFor(() => stream.of('state').at(-1)?.data.ledger === 'up', { what: 'the ledger to be up' });
      await served.record([run('after the outage')]).catch(() => served.record([run('after the outage')]));
      await waitFor(() => stream.of('record'), { what: 'the run' });
      expect(stream.of('record')[0]?.data.key).toEqual({ runId: 'after the outage' });
    } finally {
      await admin.query(`alter database "${database}" allow_connections true`);
      await admin.end();
      await away.close();
      await pool.end();
    }
  });

  it('gives signs of life with the place to go on from, and asks to connect again in time', async () => {
    const brisk = await serveAnother({ times: { heartbeatMs: 30, renewMs: 1_500, stuckMs: 5_000 } });
    const stream = await (await follow(['chains'], { at: brisk })).ready();
    const before = stream.lastEventId;
    await served.record([run('not of a topic that is followed')]);
    await waitFor(() => stream.lastEventId !== before && stream.of('heartbeat').length > 0, {
      what: 'the place to move on',
    });
    await waitFor(() => stream.isOver, { what: 'the stream to be renewed' });
    expect(stream.events.at(-1)).toEqual({ event: 'closing', data: { reason: 'renew' } });
    const last = await (await follow(['chains'], { at: brisk })).ready();
    await brisk.close();
    await waitFor(() => last.isOver, { what: 'the stream to end with the exporter' });
    expect(last.events.at(-1)).toEqual({ event: 'closing', data: { reason: 'stopping' } });
  });

  it('refuses more streams than one token, or all, may have', async () => {
    const small = await serveAnother({ limits: { total: 3, perPerson: 1, perToken: 2 } });
    await follow(['runs'], { at: small });
    await follow(['runs'], { at: small });
    await expect(follow(['runs'], { at: small })).rejects.toThrow(/429.*too_many_streams/);
    await follow(['runs'], { at: small, token: 'team' });
    await expect(follow(['runs'], { at: small, token: 'team' })).rejects.toThrow(/503.*too_many_streams/);
    open.shift()?.cut();
    await waitFor(async () => (await follow(['runs'], { at: small })).ready(), { what: 'the place of one that ended' });
    for (const stream of open) stream.cut();
    await small.close();
  });

  it.each([
    ['', 'topics'],
    ['topics=rnus', 'rnus'],
    ['topics=run:own', 'run:{source}/{id}'],
    ['topics=runs&lastEventId=x', 'lastEventId'],
    ['topics=runs@x', 'runs@x'],
  ])('refuses %s', async (query, message) => {
    const { status, body } = await served.get(`/api/v1/stream?${query}`);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain(message);
  });
});

describe('GET /api/v1/changes', () => {
  const ask = async (topics: string, since?: string, query = ''): Promise<ChangesAnswer> => {
    const { status, body } = await served.get(
      `/api/v1/changes?topics=${encodeURIComponent(topics)}${since === undefined ? '' : `&since=${since}`}${query}`,
    );
    expect(status, JSON.stringify(body)).toBe(200);
    return body;
  };

  it('has what the stream tells, page after page, and nothing twice', async () => {
    const runId = 'polled';
    const topic = topicOf('output', SOURCE, runId);
    await served.record([run(runId), line(runId, 0)]);
    const first = await ask(topic);
    for (const batch of upTo(7)) await served.record(upTo(30, 1 + batch * 30).map((seq) => line(runId, seq)));
    const found = first.events.map((one) => one.data as OutputChange).flatMap((data) => data.lines);
    let { position } = first;
    for (;;) {
      const answer = await ask(topic, position, '&limit=40');
      for (const one of answer.events) found.push(...(one.data as OutputChange).lines);
      ({ position } = answer);
      if (!answer.more) break;
    }
    expect(found.map(({ seq }) => seq)).toEqual(upTo(211));
    expect((await ask(topic, position)).events).toEqual([]);
  });
});
