import { defineDashboard } from '../kit/dashboard.ts';
import { dashboard, link, page, pageOf } from '../kit/links.ts';
import { colored, figure, graph, grid, ranking, UP_OR_DOWN } from '../kit/panels.ts';
import { age, growth, now, perHour, quantile, ratio, share, sum } from '../kit/promql.ts';
import { instant, rows, series } from '../kit/targets.ts';
import { CACHE_HITS, CACHE_MEMORY_BYTES } from '../kit/thresholds.ts';

const CALLS = 'fleet_adapter_requests_total';
const lookups = (window: string) =>
  `(${sum(growth('fleet_cache_hits_total', '', window), ['source'])} + ${sum(growth('fleet_cache_misses_total', '', window), ['source'])})`;
const hitRate = (window: string) =>
  share(sum(growth('fleet_cache_hits_total', '', window), ['source']), lookups(window));
const BY_WORKFLOW = ['source', 'project', 'workflow'];

export const integrations = defineDashboard({
  name: 'integrations',
  title: 'Integrations and stores',
  description:
    'What the platforms stand on: adapters to other systems, rate limits, their own errors, stores and caches, and the people who approve.',
  page: { title: 'Approvals', name: 'approvals' },
  rows: [
    {
      title: 'In short',
      panels: [
        figure({
          title: 'Adapter errors',
          description: 'Share of the adapters’ calls of the time range that did not succeed.',
          unit: 'percentunit',
          decimals: 1,
          none: 'no calls',
          thresholds: ['green', [0.05, 'orange'], [0.2, 'red']],
          targets: [instant(share(sum(growth(CALLS, 'result!="ok"')), sum(growth(CALLS))))],
        }),
        figure({
          title: 'Refused credentials',
          description:
            'Calls of the last hour that were refused for their credentials. Renew the token of the adapter.',
          unit: 'locale',
          decimals: 0,
          none: 'no calls',
          thresholds: ['green', [1, 'orange'], [3, 'red']],
          targets: [instant(sum(growth(CALLS, 'result="auth"', '1h')))],
        }),
        figure({
          title: 'Rate limited, 1 h',
          description:
            'Responses of the last hour that were rate limited (429). More than 10 in 5 minutes is an alert.',
          unit: 'locale',
          decimals: 0,
          none: 'none',
          thresholds: ['green', [1, 'orange'], [100, 'red']],
          targets: [instant(sum(growth('fleet_rate_limited_total', '', '1h')))],
        }),
        figure({
          title: 'Platform errors, 1 h',
          description: 'Errors that the platforms logged in the last hour. 50 in 5 minutes page on-call.',
          unit: 'locale',
          decimals: 0,
          none: 'none',
          thresholds: ['green', [20, 'orange'], [50, 'red']],
          targets: [instant(sum(growth('fleet_errors_total', '', '1h')))],
        }),
        figure({
          title: 'Stores',
          description: 'Whether every store of the platforms (Redis, Postgres) answers.',
          unit: 'none',
          none: 'none watched',
          mappings: UP_OR_DOWN,
          thresholds: ['text'],
          targets: [instant(`min(${now('fleet_store_up')})`)],
        }),
        figure({
          title: 'Cache hits',
          description: 'Share of lookups of the last hour that the cache answered. Below 80% is a ticket.',
          unit: 'percentunit',
          decimals: 0,
          none: 'no lookups',
          thresholds: CACHE_HITS,
          targets: [instant(`min(${hitRate('1h')})`)],
        }),
      ],
    },
    {
      title: 'Adapters',
      panels: [
        graph({
          title: 'Adapter errors',
          description:
            'Share of each adapter’s calls that did not succeed. Compare it with its own past: some always fail a little.',
          unit: 'percentunit',
          interval: '30m',
          none: 'no calls',
          targets: [
            series(
              share(
                sum(growth(CALLS, 'result!="ok"', '$__rate_interval'), ['adapter']),
                sum(growth(CALLS, '', '$__rate_interval'), ['adapter']),
              ),
              '{{adapter}}',
            ),
          ],
          calcs: ['mean', 'max'],
        }),
        graph({
          title: 'Calls that did not succeed, per hour',
          description: 'By what went wrong: credentials, network, shape of the answer, rate limit or the other side.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '30m',
          none: 'no errors',
          legend: 'list',
          targets: [series(`${perHour(CALLS, ['result'], 'result!="ok"')} > 0`, '{{result}}')],
          overrides: [
            colored('auth', 'red', 'Credentials'),
            colored('network', 'orange', 'Network'),
            colored('schema', 'yellow', 'Shape of the answer'),
            colored('rate_limit', 'purple', 'Rate limit'),
            colored('server', 'dark-red', 'Other side'),
            colored('other', 'gray', 'Other'),
          ],
        }),
        grid({
          title: 'Adapters',
          description: 'Calls of the time range by adapter.',
          unit: 'short',
          w: 12,
          none: 'no calls',
          targets: [
            rows(sum(growth(CALLS), ['source', 'adapter'])),
            rows(
              share(
                sum(growth(CALLS, 'result!="ok"'), ['source', 'adapter']),
                sum(growth(CALLS), ['source', 'adapter']),
              ),
            ),
            rows(sum(growth(CALLS, 'result="auth"'), ['source', 'adapter'])),
            rows(sum(growth(CALLS, 'result="rate_limit"'), ['source', 'adapter'])),
          ],
          columns: [
            { of: 'adapter', heading: 'Adapter' },
            { of: 'source', heading: 'Source' },
            { of: 'Value #A', heading: 'Calls', decimals: 0 },
            {
              of: 'Value #B',
              heading: 'Errors',
              unit: 'percentunit',
              decimals: 1,
              thresholds: ['green', [0.05, 'orange'], [0.2, 'red']],
            },
            { of: 'Value #C', heading: 'Credentials', decimals: 0, thresholds: ['text', [1, 'orange']] },
            { of: 'Value #D', heading: 'Rate limited', decimals: 0, thresholds: ['text', [1, 'orange']] },
          ],
          sortBy: { column: 'Errors' },
        }),
        graph({
          title: 'Rate limited, per hour',
          description:
            'By project and layer: ip is who calls, repo is what about. A repository limited again and again needs a higher limit or a calmer caller.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '30m',
          none: 'none',
          targets: [
            series(`${perHour('fleet_rate_limited_total', ['layer', 'project'])} > 0`, '{{layer}} {{project}}'),
          ],
          calcs: ['max'],
        }),
      ],
    },
    {
      title: 'Errors of the platforms',
      panels: [
        graph({
          title: 'Errors by component, per hour',
          description:
            'Errors that the platforms themselves logged, by handler or stage. handleIssueComment and handlePullRequest are the critical path.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '30m',
          none: 'no errors',
          targets: [series(`${perHour('fleet_errors_total', ['component'])} > 0`, '{{component}}')],
          calcs: ['max'],
          dataLinks: [link('Runs and their errors', dashboard('runs'))],
        }),
        grid({
          title: 'New and returning error groups',
          description:
            'Groups of errors that are new or came back in the time range: look at them in Sentry before they grow.',
          unit: 'short',
          w: 12,
          none: 'none',
          targets: [rows(`${sum(growth('fleet_error_groups_total'), ['source', 'component', 'kind'])} > 0.5`)],
          columns: [
            { of: 'component', heading: 'Component' },
            { of: 'kind', heading: 'Kind' },
            { of: 'source', heading: 'Source' },
            { of: 'Value', heading: 'Groups', decimals: 0 },
          ],
          sortBy: { column: 'Groups' },
        }),
      ],
    },
    {
      title: 'Stores and cache',
      panels: [
        grid({
          title: 'Stores and services',
          description:
            'The platforms’ stores, with their latency at the last reading and the connection failures and timeouts of the time range.',
          unit: 'short',
          w: 12,
          none: 'none watched',
          targets: [
            rows(sum(now('fleet_store_up'), ['source', 'store'])),
            rows(sum(now('fleet_store_latency_seconds'), ['source', 'store'])),
            rows(sum(growth('fleet_store_errors_total', 'kind=~"connection|timeout"'), ['source', 'store'])),
          ],
          columns: [
            { of: 'store', heading: 'Store' },
            { of: 'source', heading: 'Source' },
            { of: 'Value #A', heading: 'State', mappings: UP_OR_DOWN, thresholds: ['red', [1, 'green']] },
            {
              of: 'Value #B',
              heading: 'Latency',
              unit: 's',
              decimals: 1,
              thresholds: ['text', [0.1, 'orange'], [1, 'red']],
            },
            { of: 'Value #C', heading: 'Errors', decimals: 0, thresholds: ['text', [1, 'orange']] },
          ],
        }),
        graph({
          title: 'Store errors, per hour',
          description: 'By store and kind.',
          unit: 'short',
          style: 'bars',
          stacked: true,
          interval: '30m',
          none: 'no errors',
          targets: [series(`${perHour('fleet_store_errors_total', ['store', 'kind'])} > 0`, '{{store}} {{kind}}')],
          calcs: ['max'],
        }),
        graph({
          title: 'Cache hits',
          description: 'Share of lookups that the cache answered. It falls when keys expire or are evicted early.',
          unit: 'percentunit',
          max: 1,
          interval: '30m',
          w: 8,
          none: 'no lookups',
          targets: [series(hitRate('$__rate_interval'), '{{source}}')],
          calcs: ['mean', 'min'],
        }),
        graph({
          title: 'Cache evictions, per hour',
          description: 'Keys that had to go before their time. Any is a sign of too little memory.',
          unit: 'short',
          style: 'bars',
          interval: '30m',
          w: 8,
          none: 'none',
          legend: 'list',
          targets: [series(perHour('fleet_cache_evictions_total', ['source']), '{{source}}')],
        }),
        ranking({
          title: 'Cache and services now',
          description:
            'Memory that the cache uses (above 512 MiB is an alert), keys of run status, and whether the platforms’ own services say that they are well.',
          unit: 'short',
          none: 'none watched',
          thresholds: ['blue'],
          targets: [
            instant(sum(now('fleet_cache_memory_bytes'), ['source']), '{{source}} memory'),
            instant(sum(now('fleet_cache_keys'), ['source']), '{{source}} keys'),
            instant(sum(now('fleet_service_up'), ['source', 'service']), '{{source}} {{service}}'),
          ],
          overrides: [
            {
              matcher: { id: 'byFrameRefID', options: 'A' },
              properties: [
                { id: 'unit', value: 'bytes' },
                { id: 'max', value: CACHE_MEMORY_BYTES },
              ],
            },
            {
              matcher: { id: 'byFrameRefID', options: 'C' },
              properties: [
                { id: 'mappings', value: UP_OR_DOWN },
                { id: 'max', value: 1 },
              ],
            },
          ],
        }),
      ],
    },
    {
      title: 'People and governance',
      panels: [
        grid({
          title: 'Approvals that wait',
          description:
            'By workflow: how many are pending, how long the oldest waits, and within what time it should be decided.',
          unit: 'short',
          w: 14,
          none: 'Nobody is asked.',
          targets: [
            rows(sum(now('fleet_approvals_pending'), BY_WORKFLOW)),
            rows(age('fleet_approval_oldest_pending_timestamp_seconds', BY_WORKFLOW)),
            rows(`max by (${BY_WORKFLOW.join(', ')}) (${now('fleet_approval_sla_seconds')})`),
            rows(
              ratio(
                `(${age('fleet_approval_oldest_pending_timestamp_seconds', BY_WORKFLOW)})`,
                `max by (${BY_WORKFLOW.join(', ')}) (${now('fleet_approval_sla_seconds')})`,
              ),
            ),
          ],
          columns: [
            {
              of: 'workflow',
              heading: 'Workflow',
              width: 170,
              links: [link('Decide', pageOf('approvals', ['Source', 'Project', 'Workflow'], 'row'))],
            },
            { of: 'project', heading: 'Project', width: 170 },
            { of: 'Value #A', heading: 'Pending', decimals: 0 },
            { of: 'Value #B', heading: 'Oldest waits', unit: 's', decimals: 1 },
            { of: 'Value #C', heading: 'SLA', unit: 's', decimals: 0 },
            {
              of: 'Value #D',
              heading: 'Of the SLA',
              unit: 'percentunit',
              decimals: 0,
              thresholds: ['green', [0.8, 'orange'], [1, 'red']],
            },
            { of: 'source', heading: 'Source' },
          ],
          sortBy: { column: 'Of the SLA' },
        }),
        graph({
          title: 'How long approvals wait',
          w: 10,
          description: 'From request to decision, of those decided in each interval.',
          unit: 's',
          interval: '6h',
          none: 'none decided',
          targets: [
            series(quantile(0.5, 'fleet_approval_wait_seconds'), 'p50'),
            series(quantile(0.95, 'fleet_approval_wait_seconds'), 'p95'),
          ],
          calcs: ['mean', 'max'],
          links: [link('Approvals', page('approvals'))],
        }),
        ranking({
          title: 'Notifications',
          description: 'That the platforms sent in the time range, by type.',
          unit: 'locale',
          decimals: 0,
          w: 12,
          none: 'none sent',
          thresholds: ['blue'],
          targets: [instant(`sort_desc(${sum(growth('fleet_notifications_total'), ['type'])} > 0.5)`, '{{type}}')],
          links: [link('Inbox', page('inbox'))],
        }),
        ranking({
          title: 'Audit events',
          description: 'Of the time range, by what was done.',
          unit: 'locale',
          decimals: 0,
          w: 12,
          none: 'none',
          thresholds: ['blue'],
          targets: [instant(`sort_desc(${sum(growth('fleet_audit_events_total'), ['action'])} > 0.5)`, '{{action}}')],
          links: [link('Audit trail', page('audit'))],
        }),
        grid({
          title: 'Projects',
          description: 'Who and what each project has: workflows, members, and invitations that nobody accepted yet.',
          unit: 'short',
          h: 8,
          none: 'no projects',
          targets: [
            rows(sum(now('fleet_project_workflows'), ['source', 'project'])),
            rows(sum(now('fleet_project_members'), ['source', 'project'])),
            rows(sum(now('fleet_project_pending_invitations'), ['source', 'project'])),
          ],
          columns: [
            {
              of: 'project',
              heading: 'Project',
              links: [link('Its workflows', pageOf('workflows', ['Source', 'Project'], 'row'))],
            },
            { of: 'source', heading: 'Source' },
            { of: 'Value #A', heading: 'Workflows', decimals: 0 },
            { of: 'Value #B', heading: 'Members', decimals: 0 },
            { of: 'Value #C', heading: 'Invitations', decimals: 0 },
          ],
          sortBy: { column: 'Members' },
        }),
      ],
    },
  ],
});
