import { QueryClient } from '@tanstack/react-query';
import { retryDelayMs } from './askAgain';

/** Answers are kept while a page is open. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => retryDelayMs(failures, error) !== undefined,
        retryDelay: (failures, error) => retryDelayMs(failures, error) ?? 0,
      },
    },
  });
}
