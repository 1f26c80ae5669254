/** The platform's name as a source. */
export const DEMITON = 'demiton-demo';

export const VERBS = ['FETCH', 'LOOKUP', 'PUSH', 'EXECUTE', 'TRANSFORM', 'GOVERN', 'LOGIC_GATE'] as const;
export type Verb = (typeof VERBS)[number];

export const ADAPTERS = ['xero', 'netsuite', 'salesforce', 'sharepoint', 'slack'] as const;
export type Adapter = (typeof ADAPTERS)[number];

export interface TaskBlueprint {
  readonly verb: Verb;
  readonly name: string;
  readonly adapter?: Adapter;
  /** Median seconds. */
  readonly seconds: number;
  /** What the agent of an EXECUTE task says. */
  readonly answer?: string;
}

export interface WorkflowBlueprint {
  readonly name: string;
  readonly project: string;
  readonly approvalSlaSeconds: number;
  readonly policy: string;
  readonly tasks: readonly TaskBlueprint[];
  readonly share: number;
}

export const WORKFLOWS: readonly WorkflowBlueprint[] = [
  {
    name: 'Invoice sync',
    project: 'northwind/finance',
    approvalSlaSeconds: 4 * 3600,
    policy: 'invoices above 10,000 EUR need two pairs of eyes',
    share: 6,
    tasks: [
      { verb: 'FETCH', name: 'Fetch open invoices', adapter: 'xero', seconds: 9 },
      { verb: 'TRANSFORM', name: 'Match purchase orders', seconds: 14 },
      { verb: 'GOVERN', name: 'Check the amount policy', seconds: 1.5 },
      { verb: 'PUSH', name: 'Post to the general ledger', adapter: 'netsuite', seconds: 22 },
    ],
  },
  {
    name: 'Ledger reconciliation',
    project: 'northwind/finance',
    approvalSlaSeconds: 8 * 3600,
    policy: 'differences above 500 EUR are signed off by finance',
    share: 3,
    tasks: [
      { verb: 'FETCH', name: 'Fetch bank statements', adapter: 'sharepoint', seconds: 31 },
      { verb: 'LOOKUP', name: 'Look up journal entries', adapter: 'netsuite', seconds: 48 },
      {
        verb: 'EXECUTE',
        name: 'Let the agent explain differences',
        seconds: 210,
        answer:
          'Two entries differ by the same amount with opposite signs: a payment was booked twice and reversed once. I propose one adjustment.',
      },
      { verb: 'GOVERN', name: 'Check the difference policy', seconds: 1.5 },
      { verb: 'PUSH', name: 'Post adjustments', adapter: 'netsuite', seconds: 18 },
    ],
  },
  {
    name: 'Vendor onboarding',
    project: 'northwind/procurement',
    approvalSlaSeconds: 2 * 3600,
    policy: 'new vendors are approved by procurement',
    share: 3,
    tasks: [
      { verb: 'FETCH', name: 'Fetch the vendor form', adapter: 'sharepoint', seconds: 6 },
      { verb: 'LOOKUP', name: 'Look up sanctions and tax id', adapter: 'salesforce', seconds: 12 },
      { verb: 'LOGIC_GATE', name: 'Is the vendor new?', seconds: 0.4 },
      { verb: 'GOVERN', name: 'Check the vendor policy', seconds: 1.2 },
      { verb: 'PUSH', name: 'Create the vendor', adapter: 'netsuite', seconds: 15 },
      { verb: 'PUSH', name: 'Tell the requester', adapter: 'slack', seconds: 1.6 },
    ],
  },
  {
    name: 'Contract renewal',
    project: 'northwind/procurement',
    approvalSlaSeconds: 12 * 3600,
    policy: 'renewals above 25,000 EUR a year need the budget owner',
    share: 2,
    tasks: [
      { verb: 'LOOKUP', name: 'Look up contracts that end', adapter: 'salesforce', seconds: 10 },
      {
        verb: 'EXECUTE',
        name: 'Let the agent summarise the contract',
        seconds: 160,
        answer:
          'The contract renews for 24 months unless it is cancelled 90 days before; the price rises with the index, at most 4% a year. Clause 7.2 is new.',
      },
      { verb: 'GOVERN', name: 'Check the renewal policy', seconds: 1.3 },
      { verb: 'PUSH', name: 'Send the renewal', adapter: 'salesforce', seconds: 8 },
    ],
  },
];

/** Rows of the failing kinds that an adapter's calls can have, with what the other side said. */
export const ADAPTER_FAILURES = {
  auth: '401 Unauthorized: the refresh token has expired',
  network: 'connect ETIMEDOUT after 10000 ms',
  schema: 'unexpected response schema: field "line_items[].tax_code" is missing',
  rate_limit: '429 Too Many Requests (60 calls per minute)',
  server: '503 Service Unavailable',
  other: 'unexpected redirect to the maintenance page',
} as const;
