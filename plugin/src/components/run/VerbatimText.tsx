import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, ClipboardButton, useStyles2 } from '@grafana/ui';
import { useState } from 'react';
import { VERBATIM } from '../../format/verbatim';

/** As much as a reader sees at once; the rest on demand, so that a page stays light. */
const FIRST_CHARACTERS = 4_000;

interface Props {
  readonly text: string;
  /** What it is, for who does not see it. */
  readonly label: string;
  /** Words wrap as in prose, not as in code. */
  readonly isProse?: boolean;
}

/** Text as it was recorded, with its line ends, to be copied. */
export function VerbatimText({ text, label, isProse = false }: Props) {
  const styles = useStyles2(getStyles);
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? text : text.slice(0, FIRST_CHARACTERS);
  return (
    <div className={styles.frame}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <section className={isProse ? styles.prose : styles.code} tabIndex={0} aria-label={label}>
        {shown}
      </section>
      <div className={styles.tools}>
        {shown.length < text.length && (
          <Button size="sm" fill="text" onClick={() => setWhole(true)}>
            <Trans i18nKey="run.verbatim.more" values={{ length: text.length.toLocaleString('en-US') }}>
              {'Show all {{length}} characters'}
            </Trans>
          </Button>
        )}
        <ClipboardButton
          size="sm"
          fill="text"
          variant="secondary"
          icon="copy"
          getText={() => text}
          aria-label={t('run.verbatim.copy', 'Copy: {{label}}', { label, ...VERBATIM })}
        />
      </div>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => {
  const text = css({
    margin: 0,
    padding: theme.spacing(1),
    paddingRight: theme.spacing(5),
    maxHeight: 320,
    overflow: 'auto',
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
    color: theme.colors.text.primary,
    background: theme.colors.background.canvas,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
  });
  return {
    frame: css({ position: 'relative' }),
    code: css(text, {
      fontFamily: theme.typography.fontFamilyMonospace,
      fontSize: theme.typography.bodySmall.fontSize,
    }),
    prose: css(text, { fontFamily: theme.typography.fontFamily, fontSize: theme.typography.body.fontSize }),
    tools: css({ position: 'absolute', top: theme.spacing(0.5), right: theme.spacing(1.5), display: 'flex' }),
  };
};
