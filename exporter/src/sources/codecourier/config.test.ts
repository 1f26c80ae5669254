import { describe, expect, it } from 'vitest';
import { configSchema } from './config.ts';

const rest = { api: 'rest', base_url: 'https://happy-otter-1.convex.site/api/v1/', api_key: 'cc_live_1' };
const convex = { api: 'convex', base_url: 'https://happy-otter-1.convex.cloud', deploy_key: 'prod:x|1' };
const problemsOf = (config: object) =>
  configSchema.safeParse(config).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('the configuration', () => {
  it('needs an address and a key', () => {
    expect(configSchema.parse(rest)).toMatchObject({
      base_url: 'https://happy-otter-1.convex.site/api/v1',
      page_size: 100,
      project_label: 'repository',
    });
    expect(problemsOf(convex)).toEqual([]);
  });

  it.each([
    [{ ...rest, api_key: undefined }, 'api_key: expected api_key (or api_key_file) with api: rest, found none'],
    [
      { ...convex, deploy_key: undefined },
      'deploy_key: expected deploy_key (or deploy_key_file) with api: convex, found none',
    ],
    [{ ...rest, deploy_key: 'x' }, 'deploy_key: api: rest uses api_key alone; remove deploy_key'],
    [
      { ...rest, base_url: convex.base_url },
      'base_url: found a .convex.cloud address, expected https://<deployment>.convex.site/api/v1',
    ],
    [
      { ...convex, base_url: rest.base_url },
      'base_url: found a .convex.site address, expected https://<deployment>.convex.cloud',
    ],
    [{ ...rest, tables: { runs: 'r' } }, 'tables: api: rest does not use tables; remove it'],
    [{ ...rest, paths: { run: '/runs' } }, 'paths.run: expected a path with {id}, such as /runs/{id}'],
    [
      { ...rest, paths: { runs: 'runs' } },
      'paths.runs: expected a path below base_url that starts with a slash, such as /runs',
    ],
    [
      { ...convex, tables: { runs: 'a b' } },
      'tables.runs: expected the name of a Convex table: letters, digits and underscores',
    ],
    [{ ...rest, page_size: 101 }, 'page_size: Too big: expected number to be <=100'],
  ])('is refused where it cannot work: %j', (config, problem) => {
    expect(problemsOf(config)).toEqual([problem]);
  });
});
