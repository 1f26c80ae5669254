import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';

const SCHEMES: ReadonlySet<string> = new Set(['https:', 'http:']);

/** @returns the address where it is one that a browser may open: a platform's records are not to be trusted. */
export function safeHref(href: string | undefined): string | undefined {
  if (href === undefined || !URL.canParse(href)) return undefined;
  const { protocol, username } = new URL(href);
  return SCHEMES.has(protocol) && username === '' ? href : undefined;
}

/**
 * A link to where a record says, in a tab of its own; its text alone where that is no web address. Grafana's own links decode their
 * address, which would lead elsewhere.
 */
export function SafeLink({ href, children }: { href: string | undefined; children: ReactNode }) {
  const styles = useStyles2(getStyles);
  const safe = safeHref(href);
  if (safe === undefined) return <>{children}</>;
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer" className={styles.link}>
      {children} <Icon name="external-link-alt" size="sm" aria-hidden />
    </a>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  link: css({
    color: theme.colors.text.link,
    textDecoration: 'underline',
    '&:hover': { color: theme.colors.text.link, textDecoration: 'none' },
  }),
});
