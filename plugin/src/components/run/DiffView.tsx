import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, useStyles2 } from '@grafana/ui';
import { useMemo, useState } from 'react';
import { formatCount } from '../../format/formatValues';
import { type DiffLine, diffLines } from './diffLines';

/** As many lines as are drawn before the reader asks for more. */
const PAGE = 500;

/** A unified diff: what was added and what was removed. */
export function DiffView({ diff }: { diff: string }) {
  const styles = useStyles2(getStyles);
  const lines = useMemo(() => diffLines(diff), [diff]);
  const [shown, setShown] = useState(PAGE);
  return (
    <div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <section className={styles.diff} tabIndex={0} aria-label={t('run.diff.label', 'Changes')}>
        {lines.slice(0, shown).map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines of a text
          <Line key={i} line={line} />
        ))}
      </section>
      {lines.length > shown && (
        <Button size="sm" fill="text" onClick={() => setShown(shown + 4 * PAGE)}>
          <Trans i18nKey="run.diff.more" values={{ left: formatCount(lines.length - shown) }}>
            {'{{left}} more lines'}
          </Trans>
        </Button>
      )}
    </div>
  );
}

function Line({ line: { kind, text } }: { line: DiffLine }) {
  const styles = useStyles2(getStyles);
  if (kind === 'added') return <ins className={styles.added}>{text}</ins>;
  if (kind === 'removed') return <del className={styles.removed}>{text}</del>;
  return (
    <span className={kind === 'file' ? styles.file : kind === 'hunk' ? styles.hunk : styles.same}>{text || ' '}</span>
  );
}

const getStyles = (theme: GrafanaTheme2) => {
  const line = css({ display: 'block', whiteSpace: 'pre', padding: theme.spacing(0, 1), textDecoration: 'none' });
  return {
    diff: css({
      maxHeight: 480,
      overflow: 'auto',
      fontFamily: theme.typography.fontFamilyMonospace,
      fontSize: theme.typography.bodySmall.fontSize,
      background: theme.colors.background.canvas,
      border: `1px solid ${theme.colors.border.weak}`,
      borderRadius: theme.shape.radius.default,
      // Lines are as wide as the longest of them, so that their colour reaches as far.
      '& > *': { width: 'max-content', minWidth: '100%' },
    }),
    added: css(line, { background: theme.colors.success.transparent, color: theme.colors.text.primary }),
    removed: css(line, { background: theme.colors.error.transparent, color: theme.colors.text.primary }),
    file: css(line, { fontWeight: theme.typography.fontWeightBold }),
    hunk: css(line, { color: theme.colors.text.secondary, background: theme.colors.background.secondary }),
    same: line,
  };
};
