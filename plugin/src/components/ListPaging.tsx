import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, useStyles2 } from '@grafana/ui';
import { useLocation } from 'react-router-dom';
import { usePageParameters } from '../app/usePageParameters';
import { formatCount } from '../format/formatValues';

/** The cursors of the pages before this one, as far as the reader came by them: kept in the browser's history. */
interface PlaceInHistory {
  readonly earlier: readonly string[];
}

interface Props {
  /** Of the page that is shown: `cursor` of the URL. */
  readonly cursor: string | undefined;
  /** Of the next one. */
  readonly next: string | undefined;
  readonly isBusy: boolean;
  /** Records of a page. */
  readonly size: number;
}

/** To the next page of a list and back; each is a step of the browser's history. */
export function ListPaging({ cursor, next, isBusy, size }: Props) {
  const styles = useStyles2(getStyles);
  const [, change] = usePageParameters();
  const { earlier = [] } = (useLocation().state ?? {}) as Partial<PlaceInHistory>;
  if (cursor === undefined && next === undefined) return null;
  const goTo = (to: string | undefined, path: readonly string[]) =>
    change({ cursor: to }, { state: { earlier: path } satisfies PlaceInHistory });
  return (
    <nav aria-label={t('runs.pages', 'Pages')} className={styles.paging}>
      {cursor !== undefined && (
        <Button variant="secondary" icon="step-backward" onClick={() => goTo(undefined, [])}>
          <Trans i18nKey="runs.first-page">First page</Trans>
        </Button>
      )}
      {earlier.length > 0 && (
        <Button
          variant="secondary"
          icon="angle-left"
          disabled={isBusy}
          onClick={() => goTo(earlier.at(-1) || undefined, earlier.slice(0, -1))}
        >
          <Trans i18nKey="runs.previous-page">Previous</Trans>
        </Button>
      )}
      {(cursor === undefined || earlier.length > 0) && (
        <span>{t('runs.page', 'Page {{number}}', { number: formatCount(earlier.length + 1) })}</span>
      )}
      {next !== undefined && (
        <Button variant="secondary" disabled={isBusy} onClick={() => goTo(next, [...earlier, cursor ?? ''])}>
          {t('runs.next-page', 'Next {{count}}', { count: size })}
        </Button>
      )}
    </nav>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  paging: css({
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    justifyContent: 'flex-end',
    gap: theme.spacing(1),
    paddingTop: theme.spacing(2),
  }),
});
