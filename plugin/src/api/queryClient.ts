import { QueryClient } from '@tanstack/react-query';
import { ApiFailure } from './ApiFailure';

/** Answers are kept while a page is open; what failed for a reason that passes is asked again, more and more slowly. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < 3 && (!(error instanceof ApiFailure) || error.isTemporary),
        retryDelay: (failures, error) =>
          error instanceof ApiFailure && error.retryAfterSeconds !== undefined
            ? error.retryAfterSeconds * 1_000
            : Math.min(1_000 * 2 ** failures, 15_000),
      },
    },
  });
}
