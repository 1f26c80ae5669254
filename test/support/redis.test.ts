import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { startRedis } from './redis.ts';
import { waitFor } from './waitFor.ts';

it('starts two servers that know nothing of each other, and stops them', async () => {
  const servers = await Promise.all([startRedis(), startRedis()]);
  const [first, second] = servers.map(({ url }) => new Redis(url));
  try {
    await first?.set('key', 'value');
    expect(await first?.get('key')).toBe('value');
    expect(await second?.get('key')).toBeNull();
  } finally {
    first?.disconnect();
    second?.disconnect();
    await Promise.all(servers.map((server) => server.stop()));
  }
  for (const { process: server } of servers) {
    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH');
  }
});

it('can stand in for a restart on the same port', async () => {
  const server = await startRedis();
  await server.process.kill('SIGKILL');
  const again = await startRedis(server.port);
  try {
    const client = new Redis(server.url);
    expect(await waitFor(() => client.ping(), { what: 'the new server' })).toBe('PONG');
    client.disconnect();
  } finally {
    await again.stop();
    await server.stop();
  }
});
