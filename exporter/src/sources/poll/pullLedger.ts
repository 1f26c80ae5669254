import type { Ledger } from '../../ledger/ledger.ts';

/** What a poller needs of the ledger. */
export type PullLedger = Pick<Ledger, 'readCursor' | 'recordPulled' | 'openRunIds' | 'openPullRequests'>;
