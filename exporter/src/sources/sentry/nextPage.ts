const LINK = /<[^>]*>((?:\s*;\s*\w+="[^"]*")+)/g;
const PARAMETER = /(\w+)="([^"]*)"/g;

/**
 * Sentry always links to a next page; `results` says whether anything is on it (docs.sentry.io/api/pagination).
 * @returns its cursor, undefined at the end.
 */
export function nextPage(link: string | null): string | undefined {
  for (const [, parameters = ''] of (link ?? '').matchAll(LINK)) {
    const { rel, results, cursor } = Object.fromEntries(
      [...parameters.matchAll(PARAMETER)].map(([, name = '', value = '']) => [name, value]),
    );
    if (rel === 'next' && results === 'true') return cursor;
  }
  return undefined;
}
