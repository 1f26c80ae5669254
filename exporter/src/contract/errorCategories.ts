import type { ErrorCategory } from './records.ts';

/**
 * How a category is derived from an error's message where the source gives none: the first row that matches wins.
 * The patterns are the "common error patterns" of the platforms' documents; `remedy` is what they advise.
 */
export const ERROR_CATEGORY_TABLE: readonly { category: ErrorCategory; pattern: RegExp; remedy: string }[] = [
  {
    category: 'template_not_found',
    pattern: /template\b.{0,80}\b(not found|does not exist|missing|unknown)|no such template/i,
    remedy: 'Verify the template id in the workflow configuration.',
  },
  {
    category: 'rate_limit',
    pattern: /rate.?limit|too many requests|\b429\b|quota exceeded|overloaded/i,
    remedy: 'Wait and retry, or switch to another model.',
  },
  {
    category: 'git_push',
    pattern:
      /git push|failed to push|push (was )?(rejected|declined|denied)|could not push|remote rejected|non-fast-forward/i,
    remedy: 'Check that the GitHub token has write access.',
  },
  {
    category: 'api_key',
    pattern:
      /api.?key|invalid.{0,20}(key|credential|token)|(key|credential|token).{0,30}(invalid|missing|expired|revoked)|unauthori[sz]ed|authentication|\b401\b|\b403\b|forbidden/i,
    remedy: 'Check the keys for E2B, the model provider and GitHub in the project settings.',
  },
  {
    category: 'out_of_memory',
    pattern: /out of memory|\boom\b|oomkilled|heap (limit|out)|cannot allocate memory|exit code 137|memory limit/i,
    remedy: 'Give the sandbox more memory or split the task.',
  },
  {
    category: 'timeout',
    pattern: /time.?d? ?out|deadline exceeded|exceeded.{0,30}(time|duration)|ETIMEDOUT/i,
    remedy: 'Raise the timeout or simplify the task.',
  },
  {
    category: 'network',
    pattern:
      /ECONN(REFUSED|RESET|ABORTED)|ENOTFOUND|EAI_AGAIN|EPIPE|socket hang up|network|dns|connection (refused|reset|closed)|fetch failed/i,
    remedy: 'Check the connection between the platform and the service, and its status page.',
  },
  {
    category: 'validation',
    pattern:
      /validation|schema|invalid (input|argument|request|json|configuration)|malformed|unexpected token|parse error/i,
    remedy: 'Read the message: the input or configuration does not fit what the step expects.',
  },
];

/** @returns the category of a message; `other` where no row of the table matches. */
export function categoryOf(message: string | undefined): ErrorCategory {
  if (message === undefined) return 'other';
  return ERROR_CATEGORY_TABLE.find((row) => row.pattern.test(message))?.category ?? 'other';
}

/** @returns what the documents advise; for what fits no pattern there is only to look. */
export function remedyOf(category: ErrorCategory): string {
  return (
    ERROR_CATEGORY_TABLE.find((row) => row.category === category)?.remedy ??
    'No common pattern: read the errors of these runs.'
  );
}
