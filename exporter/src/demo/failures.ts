import { ERROR_CATEGORIES, type ERROR_SURFACES, type ErrorCategory, type RunRecord } from '../contract/records.ts';
import type { Random } from './random.ts';

/** Messages as the platforms and the services behind them write them; `{}` is what it is about. */
export const FAILURE_MESSAGES: Readonly<Record<ErrorCategory, readonly string[]>> = {
  api_key: [
    'Anthropic API error 401: invalid x-api-key (request {})',
    'OpenAI rejected the request: Incorrect API key provided. Check Project Settings, Integrations.',
    'E2B_API_KEY is missing: the API key for E2B is not set in Project Settings',
  ],
  template_not_found: [
    "E2B template 'agent-node22-{}' not found",
    'Sandbox creation failed: template agent-py312-{} does not exist or is not shared with this team',
  ],
  timeout: [
    'Sandbox exceeded the configured time limit of 3600 s (step {})',
    'Task timed out after 45 minutes without output (step {})',
    'context deadline exceeded while waiting for the agent in {}',
  ],
  rate_limit: [
    'Anthropic API error 429: rate_limit_error, number of request tokens has exceeded your per-minute limit',
    'openrouter: 429 Too Many Requests, retry after 38 s',
    'Model is overloaded, please try again later (request {})',
  ],
  git_push: [
    'git push failed: ! [remote rejected] agent/{} -> agent/{} (protected branch hook declined)',
    'failed to push some refs: Updates were rejected because the remote contains work that you do not have locally',
    'Could not push to origin: the GitHub App has no write permission on contents',
  ],
  network: [
    'fetch failed: ECONNRESET while reading the response of api.anthropic.com',
    'connect ECONNREFUSED registry.internal:443 during npm ci',
    'getaddrinfo EAI_AGAIN github.com',
    'socket hang up (agent stream {})',
  ],
  validation: [
    'Verdict of the checker is malformed: Unexpected token < in JSON at position 0',
    'Input validation failed: prompt references file {} that is not part of the repository',
    'Plan does not match the schema: steps[2].role is required',
  ],
  out_of_memory: [
    'Process exited with exit code 137: out of memory in step {}',
    'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    'Sandbox was OOMKilled (memory limit 4096 MiB)',
  ],
  other: [
    'Maximum number of iterations reached without a passing verdict',
    'Agent stopped: no progress in 3 consecutive turns',
    'Unexpected end of agent process (signal SIGABRT) in {}',
  ],
};

export function failureMessage(random: Random, category: ErrorCategory, about: string): string {
  return random.pick(FAILURE_MESSAGES[category]).replaceAll('{}', about);
}

export type RecordedError = NonNullable<RunRecord['error']>;

export function failureOf(
  random: Random,
  surface: (typeof ERROR_SURFACES)[number],
  category: ErrorCategory,
  about: string,
  stepId?: string,
): RecordedError {
  return {
    surface,
    category,
    message: failureMessage(random, category, about),
    ...(stepId === undefined ? {} : { stepId }),
  };
}

/** How failures of coding-agent runs spread over the categories on an ordinary day. */
const USUAL: Readonly<Record<ErrorCategory, number>> = {
  api_key: 4,
  template_not_found: 4,
  timeout: 18,
  rate_limit: 16,
  git_push: 9,
  network: 13,
  validation: 13,
  out_of_memory: 8,
  other: 15,
};

export function usualFailure(random: Random): ErrorCategory {
  return random.weighted(ERROR_CATEGORIES.map((category) => [category, USUAL[category]] as const));
}

/** Another try can help against these. */
export function isTransient(category: ErrorCategory): boolean {
  return category === 'network' || category === 'rate_limit' || category === 'out_of_memory';
}
