import type { RunRecord } from '../../../contract/records.ts';
import { defined, definedOrNothing, isObject } from '../../rows/textValues.ts';
import { type DocumentFields, instantOf } from './documentFields.ts';
import type { MapContext } from './mapContext.ts';
import { CHECK_CONCLUSIONS, PULL_REQUEST_WORDS, wordOf } from './words.ts';

const NUMBER_IN_URL = /\/pull\/(\d+)/;

/** The pull request of a run or of a sandbox. */
export function readPullRequest(fields: DocumentFields, context: MapContext): RunRecord['pullRequest'] {
  const word = fields.text('prStatus', 'pullRequestStatus');
  const status = wordOf(PULL_REQUEST_WORDS, word);
  if (word !== undefined && word !== '' && status === undefined) context.onWord('prStatus', word);
  const url = fields.name('prUrl', 'pullRequestUrl');
  const number = fields.count('prNumber', 'pullRequestNumber') ?? numberIn(url);
  return definedOrNothing({
    url,
    number,
    status,
    rawStatus: status === undefined ? word : undefined,
    error: fields.name('prError'),
    createdAt: fields.instant('prCreatedAt'),
    mergedAt: fields.instant('prMergedAt'),
    blockedSince: fields.instant('prBlockedAt', 'prBlockedSince'),
  });
}

function numberIn(url: string | undefined): number | undefined {
  const match = url === undefined ? null : NUMBER_IN_URL.exec(url);
  return match === null ? undefined : Number(match[1]);
}

/** `ciChecks`: the aggregate and each check, with the time of the last look. */
export function readCi(fields: DocumentFields, context: MapContext): RunRecord['ci'] {
  const ci = fields.object('ciChecks');
  if (ci === undefined) return undefined;
  const { status, checks, checkedAt, ...more } = ci;
  const aggregate = status === 'passing' || status === 'failing' || status === 'pending' ? status : undefined;
  if (typeof status === 'string' && aggregate === undefined) context.onWord('ciChecks.status', status);
  return {
    ...more,
    ...defined({
      status: aggregate,
      rawStatus: aggregate === undefined ? status : undefined,
      checks: Array.isArray(checks) ? checks.flatMap((check) => readCheck(check) ?? []) : undefined,
      checkedAt: instantOf(checkedAt),
    }),
  };
}

type Check = NonNullable<NonNullable<RunRecord['ci']>['checks']>[number];

function readCheck(check: unknown): Check | undefined {
  if (!isObject(check) || typeof check.name !== 'string' || check.name === '') return undefined;
  const { name, status, conclusion, url, ...more } = check;
  const said = typeof status === 'string' && status !== '' ? status : undefined;
  const ended = typeof conclusion === 'string' && conclusion !== '' ? conclusion : undefined;
  const isConclusion = said !== undefined && CHECK_CONCLUSIONS.has(said.toLowerCase());
  const end = ended ?? (isConclusion ? said?.toLowerCase() : undefined);
  return {
    ...more,
    name,
    // The record types of the contract read an absent conclusion as undefined.
    conclusion: end,
    ...(said === undefined ? {} : { status: said }),
    ...(typeof url === 'string' && url !== '' ? { url } : {}),
  };
}
