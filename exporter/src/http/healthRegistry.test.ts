import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { TokenRegistry } from './auth.ts';
import { createServer } from './createServer.ts';
import { HealthRegistry, type PartState } from './healthRegistry.ts';

function build(timeoutMs = 1000) {
  const health = new HealthRegistry({ version: '1.2.3', timeoutMs });
  const log = pino({ level: 'silent' });
  const app = createServer({ log, version: '1.2.3', tokens: new TokenRegistry([]), health, metricsNeedToken: false });
  const add = (name: string, check: (signal: AbortSignal) => Promise<PartState>) => health.register({ name, check });
  const ask = async (url: string) => app.inject({ url });
  return { health, add, ask };
}

const ok = async (): Promise<PartState> => ({ status: 'ok' });
const broken = async (): Promise<PartState> => {
  throw new Error('connect ECONNREFUSED postgres://me:hunter2@db:5432/x');
};

describe('GET /health', () => {
  it('has every part with its state and latency', async () => {
    const { add, ask } = build();
    add('ledger', async () => ({ status: 'ok', latencyMs: 1.5 }));
    add('source crucible', async () => ({ status: 'degraded', detail: 'behind by 20 minutes' }));
    const answer = await ask('/health');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      status: 'degraded',
      timestamp: expect.stringMatching(/Z$/),
      uptimeSeconds: expect.any(Number),
      version: '1.2.3',
      parts: {
        ledger: { status: 'ok', latencyMs: 1.5 },
        'source crucible': { status: 'degraded', latencyMs: expect.any(Number), detail: 'behind by 20 minutes' },
      },
    });
  });

  it('answers 503 while the ledger is down, and shows no password', async () => {
    const { add, ask } = build();
    add('ledger', broken);
    const answer = await ask('/health');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ status: 'down', parts: { ledger: { status: 'down' } } });
    expect(answer.body).toContain('ECONNREFUSED');
    expect(answer.body).not.toContain('hunter2');
  });

  it('answers 200 while another part is down: the scrape still works', async () => {
    const { add, ask } = build();
    add('ledger', ok);
    add('source x', broken);
    const answer = await ask('/health');
    expect([answer.statusCode, answer.json().status]).toEqual([200, 'degraded']);
  });

  it('does not wait for a part that hangs, and tells it to stop', async () => {
    const { add, ask } = build(30);
    let aborted = false;
    add('ledger', ok);
    add('source x', (signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise(() => undefined);
    });
    expect((await ask('/health')).json().parts['source x']).toMatchObject({
      status: 'down',
      detail: 'no answer within 30 ms',
    });
    expect(aborted).toBe(true);
  });

  it('forgets a part that was taken out, and refuses one that is there', async () => {
    const { add, ask } = build();
    const remove = add('source x', ok);
    expect(() => add('source x', ok)).toThrow('registered twice');
    remove();
    expect((await ask('/health')).json().parts).toEqual({});
  });
});

describe('probes', () => {
  it('/-/healthy is 200 whatever the parts say', async () => {
    const { add, ask } = build();
    add('ledger', broken);
    expect((await ask('/-/healthy')).statusCode).toBe(200);
  });

  it('/-/ready is 200 only once started and while the ledger answers', async () => {
    const { health, add, ask } = build();
    const remove = add('ledger', ok);
    expect((await ask('/-/ready')).body).toContain('starting');
    health.markReady();
    expect((await ask('/-/ready')).statusCode).toBe(200);
    remove();
    add('ledger', broken);
    const answer = await ask('/-/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.body).not.toContain('hunter2');
  });

  it('/-/ready turns away when draining begins', async () => {
    const { health, add, ask } = build();
    add('ledger', ok);
    health.markReady();
    health.markNotReady('draining');
    expect((await ask('/-/ready')).statusCode).toBe(503);
  });

  it('/-/ready does not ask parts that are not essential', async () => {
    const { health, add, ask } = build();
    add('ledger', ok);
    add('source x', async () => {
      throw new Error('was asked');
    });
    health.markReady();
    expect((await ask('/-/ready')).statusCode).toBe(200);
  });
});
