import { css } from '@emotion/css';
import { dateTimeFormat, type GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Alert, Button, EmptyState, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ApiFailure } from '../api/ApiFailure';

interface Props<T> {
  readonly query: Pick<UseQueryResult<T>, 'data' | 'error' | 'isPending' | 'refetch' | 'dataUpdatedAt'>;
  /** Whether the answer holds nothing to show. */
  readonly isEmpty?: ((data: T) => boolean) | undefined;
  /** What to say then: why there is nothing, and what would bring something. A text is said as that nothing was found. */
  readonly empty?: ReactNode;
  readonly children: (data: T) => ReactNode;
}

/** What a part of a page shows while it has no answer, an old one, none that may be seen, or an empty one. */
export function QueryState<T>({ query, isEmpty, empty, children }: Props<T>) {
  const { data, error, isPending, dataUpdatedAt, refetch } = query;
  if (data === undefined) {
    if (error !== null) return <Failure error={error} onRetry={() => void refetch()} />;
    return isPending ? <LoadingPlaceholder text={t('state.loading', 'Loading…')} /> : null;
  }
  return (
    <>
      {error !== null && <StaleNote error={error} updatedAt={dataUpdatedAt} onRetry={() => void refetch()} />}
      {isEmpty?.(data) === true ? sayNothing(empty) : children(data)}
    </>
  );
}

function sayNothing(empty: ReactNode = t('state.empty', 'Nothing here')): ReactNode {
  return typeof empty === 'string' ? <EmptyState variant="not-found" message={empty} /> : empty;
}

/** The last answer is still shown; how old it is has to be. */
function StaleNote({ error, updatedAt, onRetry }: { error: Error; updatedAt: number; onRetry: () => void }) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.stale} role="status">
      <Trans i18nKey="state.stale" values={{ at: dateTimeFormat(updatedAt), reason: error.message }}>
        {'Shown as of {{at}}: {{reason}}'}
      </Trans>
      <Button size="sm" fill="text" onClick={onRetry}>
        <Trans i18nKey="state.retry">Try again</Trans>
      </Button>
    </div>
  );
}

/** Why there is no answer, and what to do about it. */
export function Failure({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const styles = useStyles2(getStyles);
  const { title, advice } = explain(error);
  const requestId = error instanceof ApiFailure ? error.requestId : undefined;
  return (
    <Alert severity={isForbidden(error) ? 'info' : 'error'} title={title}>
      <div className={styles.why}>
        <p>{error.message}</p>
        {advice !== undefined && <p>{advice}</p>}
        {requestId !== undefined && (
          <p>
            <Trans i18nKey="state.request" values={{ requestId }}>
              {'Request {{requestId}}'}
            </Trans>
          </p>
        )}
      </div>
      {onRetry !== undefined && !isForbidden(error) && (
        <Button size="sm" variant="secondary" onClick={onRetry}>
          <Trans i18nKey="state.retry">Try again</Trans>
        </Button>
      )}
    </Alert>
  );
}

function isForbidden(error: Error): boolean {
  return error instanceof ApiFailure && error.kind === 'forbidden';
}

function explain(error: Error): { title: string; advice?: string } {
  if (!(error instanceof ApiFailure)) return { title: t('state.failed', 'This could not be loaded') };
  switch (error.kind) {
    case 'forbidden':
      return {
        title: t('state.forbidden', 'Your role does not reach this'),
        advice: t('state.forbidden-advice', 'Ask an administrator of Grafana for a role or team that may see it.'),
      };
    case 'unauthenticated':
      return {
        title: t('state.unauthenticated', 'The exporter does not accept who asks'),
        advice: t(
          'state.unauthenticated-advice',
          'Check the token of the data source and that Grafana forwards its identity header.',
        ),
      };
    case 'not_found':
      return { title: t('state.not-found', 'There is no such record, or none that you may see') };
    case 'pruned':
      return { title: t('state.pruned', 'Retention has removed this') };
    case 'rate_limited':
      return { title: t('state.rate-limited', 'Too many requests') };
    case 'conflict':
      return { title: t('state.conflict', 'Nothing was changed: it is not as it was') };
    case 'invalid':
      return { title: t('state.invalid', 'The exporter does not understand the question') };
    case 'unavailable':
      return {
        title: t('state.unavailable', 'The exporter does not answer'),
        advice: t('state.unavailable-advice', 'Check its /health, and the address in the data source.'),
      };
  }
}

const getStyles = (theme: GrafanaTheme2) => ({
  // Ids are longer than a phone is wide.
  why: css({ overflowWrap: 'anywhere' }),
  stale: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1),
    padding: theme.spacing(0.5, 1),
    marginBottom: theme.spacing(1),
    border: `1px solid ${theme.colors.warning.border}`,
    borderRadius: theme.shape.radius.default,
    color: theme.colors.warning.text,
    overflowWrap: 'anywhere',
  }),
});
