import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { enqueueJobs, startArqWorker } from './arqWorker.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { waitFor } from './waitFor.ts';

let server: RedisServer;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

it('works jobs of every outcome and reports them in its health record', async () => {
  const worker = await startArqWorker({ redisUrl: server.url, healthCheckIntervalSeconds: 1, keepResultSeconds: 60 });
  try {
    const [done, failed, retried] = await enqueueJobs(server.url, [
      { function: 'succeed', args: [42], jobId: 'wanted-id' },
      { function: 'fail', args: ['no such file'] },
      { function: 'retry', args: [2] },
      { function: 'sleep', args: [600], jobId: 'long' },
      { function: 'succeed', deferBySeconds: 3600 },
    ]);
    expect(done).toBe('wanted-id');
    const health = await waitFor(
      async () => {
        const line = await redis.get('arq:queue:health-check');
        return line?.includes('j_complete=2 j_failed=1 j_retried=2 j_ongoing=1') && line;
      },
      { what: 'the health record' },
    );
    // Two jobs still stand in the queue: the running one and the deferred one.
    expect(health).toContain('queued=2');
    expect(await redis.exists(`arq:result:${done}`, `arq:result:${failed}`, `arq:result:${retried}`)).toBe(3);
    expect(await redis.get('arq:in-progress:long')).toBe('1');
    expect(await enqueueJobs(server.url, [{ function: 'succeed', jobId: 'wanted-id' }])).toEqual([null]);
  } finally {
    await worker.kill('SIGKILL');
  }
});

it('serves a queue of another name, keeps no results, and stops on SIGTERM', async () => {
  const worker = await startArqWorker({ redisUrl: server.url, queueName: 'arq:reports', keepResultSeconds: 0 });
  const [id] = await enqueueJobs(server.url, [{ function: 'succeed' }], 'arq:reports');
  await waitFor(async () => (await redis.zcard('arq:reports')) === 0, { what: 'the job to be taken' });
  await worker.stop();
  expect(worker.isRunning()).toBe(false);
  expect(await redis.exists(`arq:result:${id}`)).toBe(0);
});

it('reports what a client could not do', async () => {
  await expect(enqueueJobs('redis://127.0.0.1:1', [{ function: 'succeed' }])).rejects.toThrow(
    /ConnectionError|Connection refused/,
  );
});
