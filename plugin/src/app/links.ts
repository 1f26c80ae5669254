import { APP_PATH } from '../constants';

/** What a page is opened with; a list becomes a parameter for each value. */
type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Where each page is. What identifies a record stands in the query, so that any id can be written. Grafana adds its own sub-path to
 * links of its router.
 */
function at(page: string, parameters: Parameters = {}): string {
  const known = Object.entries(parameters).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : (value ?? [])).map((item) => [name, item]),
  );
  const query = new URLSearchParams(known).toString();
  return `${APP_PATH}/${page}${query === '' ? '' : `?${query}`}`;
}

export const links = {
  fleet: () => at('fleet'),
  runs: (filters: Parameters = {}) => at('runs', filters),
  run: (source: string, id: string, place: Parameters = {}) => at('run', { source, id, ...place }),
  chains: (filters: Parameters = {}) => at('chains', filters),
  chain: (source: string, id: string) => at('chain', { source, id }),
  sandboxes: (filters: Parameters = {}) => at('sandboxes', filters),
  sandbox: (source: string, id: string) => at('sandbox', { source, id }),
  queues: (filters: Parameters = {}) => at('queues', filters),
  quality: (filters: Parameters = {}) => at('quality', filters),
  cost: (filters: Parameters = {}) => at('cost', filters),
  workflows: (filters: Parameters = {}) => at('workflows', filters),
  budgets: (filters: Parameters = {}) => at('budgets', filters),
  approvals: (filters: Parameters = {}) => at('approvals', filters),
  find: (asked: Parameters) => at('find', asked),
  history: (filters: Parameters = {}) => at('history', filters),
  inbox: () => at('inbox'),
  audit: () => at('audit'),
  runbook: () => at('runbook'),
};
