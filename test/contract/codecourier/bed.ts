import { onTestFinished } from 'vitest';
import { codecourier } from '../../../exporter/src/sources/codecourier/codecourier.ts';
import { type Logged, warnings } from '../../../exporter/src/sources/pollForTest.ts';
import { type Source, SourceError } from '../../../exporter/src/sources/source.ts';
import { ConvexServer, DEPLOY_KEY } from './convexServer.ts';
import { API_KEY, type RestOptions, RestServer } from './restServer.ts';
import type { World } from './world.ts';

interface Opened<S> {
  readonly server: S;
  readonly source: Source;
  /** What was warned of. */
  readonly lines: Logged[];
  /** Another process on the same server. */
  again(config?: object): Source;
}

export async function openRest(
  world: World,
  options: RestOptions = {},
  config: object = {},
): Promise<Opened<RestServer>> {
  const server = new RestServer(world, options);
  const base_url = `${await server.listen()}/api/v1`;
  return opened(server, { api: 'rest', base_url, api_key: API_KEY, ...config });
}

export async function openConvex(world: World, config: object = {}): Promise<Opened<ConvexServer>> {
  const server = new ConvexServer(world);
  const base_url = await server.listen();
  return opened(server, { api: 'convex', base_url, deploy_key: DEPLOY_KEY, ...config });
}

function opened<S extends RestServer | ConvexServer>(server: S, config: object): Opened<S> {
  const { log, lines } = warnings();
  onTestFinished(() => server.close());
  const again = (more: object = {}) => {
    const source = codecourier.create('test', codecourier.configSchema.parse({ ...config, ...more }), log);
    onTestFinished(() => source.close());
    return source;
  };
  return { server, source: again(), lines, again };
}

export async function failureOf(poll: Promise<unknown>): Promise<SourceError> {
  const error = await poll.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SourceError) return error;
  throw new Error(`expected a SourceError, found ${String(error)}`, { cause: error });
}
