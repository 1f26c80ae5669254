import { TextLink } from '@grafana/ui';
import type { ReactNode } from 'react';

const SCHEMES: ReadonlySet<string> = new Set(['https:', 'http:']);

/** @returns the address where it is one that a browser may open: a platform's records are not to be trusted. */
export function safeHref(href: string | undefined): string | undefined {
  if (href === undefined || !URL.canParse(href)) return undefined;
  const { protocol, username } = new URL(href);
  return SCHEMES.has(protocol) && username === '' ? href : undefined;
}

/** A link to where a record says; its text alone where that is no web address. */
export function SafeLink({ href, children }: { href: string | undefined; children: ReactNode }) {
  const safe = safeHref(href);
  if (safe === undefined) return <>{children}</>;
  return (
    <TextLink href={safe} external>
      {children as string}
    </TextLink>
  );
}
