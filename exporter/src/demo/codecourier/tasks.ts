import type { Random } from '../random.ts';
import type { Project, Workflow } from './fleet.ts';

/** What an agent is asked to do. */
export interface Task {
  readonly title: string;
  readonly prompt: string;
  /** Where the work is, in the repository. */
  readonly files: readonly [string, string];
}

type Row = readonly [title: string, prompt: string, file: string, test: string];

const FEATURES: Readonly<Record<string, readonly Row[]>> = {
  'acme/web-shop': [
    [
      'Gift card redemption at checkout',
      'Customers want to pay with a gift card, alone or together with a credit card. Add a field to the payment step, check the balance through the payments API, and show what is left to pay. Partial redemption must survive a page reload.',
      'src/checkout/giftCard.ts',
      'src/checkout/giftCard.test.ts',
    ],
    [
      'Saved addresses in the account page',
      'Let signed-in customers keep up to ten addresses, mark one as the default, and choose one at checkout. Reuse the address form; do not add another validation library.',
      'src/account/addresses.tsx',
      'src/account/addresses.test.tsx',
    ],
    [
      'Back-in-stock e-mails',
      'On a sold-out product, offer "tell me when it is back". Store the request, send one e-mail when stock goes above zero, and never more than one per customer and product.',
      'src/catalog/stockAlert.ts',
      'src/catalog/stockAlert.test.ts',
    ],
    [
      'Order history as CSV',
      'Business customers ask for their orders of a quarter as a CSV file. Stream it; one customer has 40,000 orders.',
      'src/orders/exportOrders.ts',
      'src/orders/exportOrders.test.ts',
    ],
    [
      'Sort the search results by delivery time',
      'Add "fastest delivery" to the sort menu of the search page. The estimate comes from the shipping service and may be missing: those go last.',
      'src/search/sortResults.ts',
      'src/search/sortResults.test.ts',
    ],
  ],
  'acme/payments-api': [
    [
      'Idempotency keys for refunds',
      'POST /refunds must accept Idempotency-Key like POST /payments does. The same key with another body is 409. Keys live for 24 hours.',
      'src/refunds/createRefund.ts',
      'test/refunds.test.ts',
    ],
    [
      'Payouts in a second currency',
      'Merchants with a EUR account want payouts in CHF. Use the rate of the day of the payout, store it with the payout, and show it in the statement.',
      'src/payouts/convertPayout.ts',
      'test/payouts.test.ts',
    ],
    [
      'Webhook for disputed payments',
      'Send payment.disputed to the merchant when the card network opens a dispute. Sign it like the other webhooks and retry for three days.',
      'src/webhooks/disputes.ts',
      'test/webhooks.test.ts',
    ],
    [
      'Limit per merchant and day',
      'Risk wants a limit on what one merchant can take in a day. Above it, payments are declined with limit_exceeded. Make the limit a column of merchants with a default.',
      'src/risk/dailyLimit.ts',
      'test/dailyLimit.test.ts',
    ],
  ],
  'acme/mobile-app': [
    [
      'Pull to refresh on the order list',
      'The order list shows what was loaded at start. Add pull to refresh, keep the scroll position, and show the time of the last update.',
      'app/orders/OrderList.tsx',
      'app/orders/OrderList.test.tsx',
    ],
    [
      'Dark mode follows the system',
      'Colours come from the theme file already, but three screens use literals. Follow the system setting and let the user override it.',
      'app/theme/useTheme.ts',
      'app/theme/useTheme.test.ts',
    ],
    [
      'Offline basket',
      'Keep the basket on the device and merge it with the one on the server when the connection is back. The greater quantity wins.',
      'app/basket/syncBasket.ts',
      'app/basket/syncBasket.test.ts',
    ],
  ],
  'globex/data-platform': [
    [
      'Incremental load of the orders table',
      'The nightly job reads all of orders. Load by updated_at with a watermark, keep a full reload behind a flag, and backfill what changed while the job was off.',
      'pipelines/orders/load.py',
      'tests/test_orders_load.py',
    ],
    [
      'Column lineage in the catalogue',
      'Show for each column which source columns it comes from. Parse the SQL of the models; do not run it.',
      'catalog/lineage.py',
      'tests/test_lineage.py',
    ],
    [
      'Alert on late partitions',
      'A partition that is two hours late must page the owner of the table once, not every five minutes.',
      'monitoring/late_partitions.py',
      'tests/test_late_partitions.py',
    ],
    [
      'Anonymise customer e-mails in staging',
      'Replace e-mail addresses by stable pseudonyms when tables are copied to staging, so that joins still work.',
      'pipelines/staging/anonymise.py',
      'tests/test_anonymise.py',
    ],
  ],
  'hooli/search-service': [
    [
      'Synonyms from the admin page',
      'Editors keep synonyms in a spreadsheet. Read them from the new admin endpoint at start and every ten minutes, and apply them at query time.',
      'search/synonyms.py',
      'tests/test_synonyms.py',
    ],
    [
      'Highlight matches in titles',
      'Return the ranges of the matched terms with each hit. Accents and compound words must map back to the original text.',
      'search/highlight.py',
      'tests/test_highlight.py',
    ],
    [
      'Facet counts under filters',
      'With a filter set, the counts of its own facet drop to zero. Count each facet with all filters but its own.',
      'search/facets.py',
      'tests/test_facets.py',
    ],
  ],
  'initech/legacy-portal': [
    [
      'Session timeout warning',
      'Warn the user two minutes before the session ends and let them stay signed in without losing the form.',
      'portal/src/main/java/portal/SessionFilter.java',
      'portal/src/test/java/portal/SessionFilterTest.java',
    ],
  ],
};

const BUGS: Readonly<Record<string, readonly Row[]>> = {
  'acme/web-shop': [
    [
      'Basket total is off by a cent',
      'With three items at 3.33 and 10% off, the basket says 8.99 and the invoice 9.00. Find where the rounding differs and make both use one function.',
      'src/basket/total.ts',
      'src/basket/total.test.ts',
    ],
    [
      'Search page crashes on an emoji',
      'Entering an emoji in the search box ends in a white page: "URIError: URI malformed". Happens in Safari too.',
      'src/search/queryString.ts',
      'src/search/queryString.test.ts',
    ],
    [
      'Coupon can be used twice',
      'Two tabs, the same coupon, both orders are accepted. Expected: the second one is refused with coupon_used.',
      'src/checkout/coupon.ts',
      'src/checkout/coupon.test.ts',
    ],
  ],
  'acme/payments-api': [
    [
      'Duplicate capture after a timeout',
      'When the card network answers after our 10 s timeout, the retry captures again. Look at payment 88213 in the logs that are attached.',
      'src/payments/capture.ts',
      'test/capture.test.ts',
    ],
    [
      'Statement misses payouts of the 31st',
      'The monthly statement leaves out payouts made on the 31st in the time zone of the merchant.',
      'src/statements/buildStatement.ts',
      'test/statements.test.ts',
    ],
    [
      'Memory grows in the webhook sender',
      'The webhook sender grows by 60 MB an hour and is restarted every night. A heap snapshot is attached.',
      'src/webhooks/sender.ts',
      'test/sender.test.ts',
    ],
  ],
  'acme/mobile-app': [
    [
      'Push notification opens the wrong order',
      'Tapping a notification opens the order that was opened last. Android only, app in the background.',
      'app/notifications/openOrder.ts',
      'app/notifications/openOrder.test.ts',
    ],
    [
      'Login loop after a password change',
      'After changing the password the app asks for it again and again until it is reinstalled.',
      'app/session/refresh.ts',
      'app/session/refresh.test.ts',
    ],
  ],
  'globex/data-platform': [
    [
      'Job fails on an empty partition',
      'load_clicks ends with "ValueError: No objects to concatenate" when an hour has no clicks.',
      'pipelines/clicks/load.py',
      'tests/test_clicks_load.py',
    ],
    [
      'Daylight saving doubles an hour',
      'On the last Sunday of October the report counts 02:00 to 03:00 twice.',
      'reports/hourly.py',
      'tests/test_hourly.py',
    ],
  ],
  'initech/legacy-portal': [
    [
      'Umlauts are lost in the PDF',
      'Customer names with umlauts show question marks in the PDF invoice, but not on the page.',
      'portal/src/main/java/portal/PdfWriter.java',
      'portal/src/test/java/portal/PdfWriterTest.java',
    ],
    [
      'Report page times out',
      'The yearly report takes more than 60 s and the proxy gives up. The query reads every row once per month.',
      'portal/src/main/java/portal/YearReport.java',
      'portal/src/test/java/portal/YearReportTest.java',
    ],
  ],
};

const DEPENDENCIES: readonly Row[] = [
  [
    'Update vitest to 5',
    'Update vitest and its plugins to the current major version. Fix what breaks; do not skip tests.',
    'package.json',
    'vitest.config.ts',
  ],
  [
    'Update pg to 8.23',
    'Update pg, read its changelog, and check that our type parsers still hold.',
    'package.json',
    'src/database/types.ts',
  ],
  [
    'Replace moment by Temporal',
    'moment is in maintenance mode. Replace its last 14 uses and remove it.',
    'package.json',
    'src/time/format.ts',
  ],
  [
    'Update React to 19.2',
    'Update react and react-dom, replace deprecated APIs, and run the browser tests.',
    'package.json',
    'src/app/root.tsx',
  ],
  [
    'Fix 3 advisories of npm audit',
    'npm audit reports three high advisories in transitive dependencies. Update or override them, with a comment that says why.',
    'package-lock.json',
    'package.json',
  ],
];

const DOCUMENTS: readonly Row[] = [
  [
    'Document the retry policy',
    'Explain when we retry, how often and with which delays, with one example per client. Check every claim against the code.',
    'docs/retries.md',
    'docs/index.md',
  ],
  [
    'Runbook for a stuck import',
    'Write a runbook of one page: how to see it, what to do first, whom to call. Use the last three incidents as material.',
    'docs/runbooks/stuck-import.md',
    'docs/runbooks/index.md',
  ],
  [
    'Getting started in ten minutes',
    'A new engineer should have the service running and one test changed within ten minutes. Try each command on a clean checkout.',
    'docs/getting-started.md',
    'README.md',
  ],
  [
    'API reference from the schema',
    'The hand-written reference drifted. Generate it from the OpenAPI document and remove what is duplicated.',
    'docs/api.md',
    'docs/index.md',
  ],
];

const SESSIONS: readonly Row[] = [
  [
    'Try out the new cache layout',
    'Take the cache apart a little and tell me what a layout by tenant would cost. No pull request needed.',
    'src/cache/layout.ts',
    'NOTES.md',
  ],
  [
    'Profile the slow endpoint',
    'Run the load script against a local server, make a flame graph of the slowest endpoint and explain it.',
    'scripts/profile.ts',
    'NOTES.md',
  ],
];

const MERGES: readonly Row[] = [
  [
    'Resolve conflicts with main',
    'The branch is 34 commits behind. Rebase it, resolve the conflicts and keep the behaviour of both sides.',
    'src/index.ts',
    'CHANGELOG.md',
  ],
];

function rowsOf(project: Project, workflow: Workflow): readonly Row[] {
  switch (workflow.name) {
    case 'Bug fixer':
      return BUGS[project.name] ?? [];
    case 'Dependency update':
      return DEPENDENCIES;
    case 'Docs writer':
      return DOCUMENTS;
    case 'Sandbox session':
      return SESSIONS;
    case 'Merge agent':
      return MERGES;
    default:
      return FEATURES[project.name] ?? [];
  }
}

export function pickTask(random: Random, project: Project, workflow: Workflow): Task {
  const [title, prompt, file, test] = random.pick(rowsOf(project, workflow));
  return { title, prompt, files: [file, test] };
}
