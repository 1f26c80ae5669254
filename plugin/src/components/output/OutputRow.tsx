import { css, cx } from '@emotion/css';
import { dateTimeFormat, type GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Icon, useStyles2 } from '@grafana/ui';
import { type CSSProperties, memo, useMemo, useState } from 'react';
import { markFound, type TextPiece, toPieces } from './ansiText';
import type { OutputLine } from './outputBuffer';
import { type OutputColors, ROLE_LOOKS } from './outputLook';

interface Props {
  readonly line: OutputLine;
  /** What stands above the line: its step, where another one begins here. */
  readonly heading: string | undefined;
  readonly colors: OutputColors;
  readonly search: string;
  readonly isSelected: boolean;
  /** It holds the match that is being looked at. */
  readonly isMatch: boolean;
  readonly onSelect: ((line: OutputLine) => void) | undefined;
}

/** A longer text is shown in part, until somebody wants all of it. */
const SHOWN_LINES = 60;
const SHOWN_CHARACTERS = 8_000;
/** All that a page can show of one text; the download has the rest. */
const MOST_CHARACTERS = 400_000;

/** One message or line: who printed it, when, and what. */
export const OutputRow = memo(function OutputRow(props: Props) {
  const { line, heading, colors, search, isSelected, isMatch, onSelect } = props;
  const styles = useStyles2(getStyles);
  const [isWhole, setWhole] = useState(false);
  const { role = 'stdout', at, text = '', state } = line;
  const look = ROLE_LOOKS[role] ?? ROLE_LOOKS.system;
  const shown = useMemo(() => cut(text, isWhole), [text, isWhole]);
  const pieces = useMemo(() => {
    const all = toPieces(shown.replace(/\n$/, ''));
    return search === '' ? all : markFound(all, search);
  }, [shown, search]);
  const color = colors.named(look.color);
  const time = at === undefined ? '' : dateTimeFormat(at, { format: 'HH:mm:ss.SSS' });
  return (
    <>
      {heading !== undefined && <div className={styles.heading}>{heading}</div>}
      <div
        className={cx(styles.row, isSelected && styles.selected, isMatch && styles.match)}
        style={{ '--role': color } as CSSProperties}
        data-testid="output-line"
        data-role={role}
        data-seq={line.seq}
        aria-current={isSelected || isMatch ? 'true' : undefined}
      >
        {onSelect === undefined ? (
          <span className={styles.time}>{time}</span>
        ) : (
          <button
            type="button"
            className={cx(styles.time, styles.link)}
            onClick={() => onSelect(line)}
            aria-label={t('output.link', 'Link to this line, {{time}}', { time })}
          >
            {time}
          </button>
        )}
        <span className={styles.role}>
          <Icon name={look.icon} size="sm" aria-hidden />
          {look.word()}
        </span>
        <div className={cx(styles.text, role === 'error' && styles.error)}>
          {pieces.map((piece, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text are where they are
            <Piece key={i} piece={piece} colors={colors} />
          ))}
          {shown.length < text.length && !isWhole && (
            <button type="button" className={styles.more} onClick={() => setWhole(true)}>
              <Trans i18nKey="output.show-all" values={{ count: text.length.toLocaleString('en-US') }}>
                {'Show all {{count}} characters'}
              </Trans>
            </button>
          )}
          {isWhole && shown.length < text.length && (
            <em>
              <Trans i18nKey="output.too-long">The rest is in the download.</Trans>
            </em>
          )}
          {state === 'streaming' && (
            <span className={styles.state}>
              <Icon name="sync" size="xs" aria-hidden /> <Trans i18nKey="output.streaming">being written</Trans>
            </span>
          )}
          {state === 'error' && role !== 'error' && (
            <span className={cx(styles.state, styles.error)}>
              <Icon name="exclamation-circle" size="xs" aria-hidden /> <Trans i18nKey="output.failed">failed</Trans>
            </span>
          )}
        </div>
      </div>
    </>
  );
});

function cut(text: string, isWhole: boolean): string {
  if (isWhole) return text.slice(0, MOST_CHARACTERS);
  if (text.length <= SHOWN_CHARACTERS && !hasMoreLines(text)) return text;
  const lines = text.slice(0, SHOWN_CHARACTERS).split('\n');
  return lines.slice(0, SHOWN_LINES).join('\n');
}

function hasMoreLines(text: string): boolean {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) if (++count > SHOWN_LINES) return true;
  return false;
}

function Piece({ piece, colors }: { piece: TextPiece; colors: OutputColors }) {
  const styles = useStyles2(getStyles);
  const { text, color, background, bold, faint, italic, underlined, struck, found } = piece;
  if (found) return <mark className={styles.found}>{text}</mark>;
  if (color === undefined && background === undefined && !bold && !faint && !italic && !underlined && !struck) {
    return <>{text}</>;
  }
  const decoration = [underlined && 'underline', struck && 'line-through'].filter(Boolean).join(' ');
  const style: CSSProperties = {
    color: colors.text(color, background),
    backgroundColor: colors.background(background),
    ...(bold ? { fontWeight: 'bold' } : {}),
    ...(italic ? { fontStyle: 'italic' } : {}),
    ...(decoration === '' ? {} : { textDecoration: decoration }),
  };
  return (
    <span className={faint ? styles.faint : undefined} style={style}>
      {text}
    </span>
  );
}

const NARROW = '@container output (max-width: 620px)';

const getStyles = (theme: GrafanaTheme2) => ({
  heading: css({
    padding: theme.spacing(1, 1, 0.5),
    fontFamily: theme.typography.fontFamily,
    fontWeight: theme.typography.fontWeightMedium,
    color: theme.colors.text.primary,
    borderTop: `1px solid ${theme.colors.border.medium}`,
  }),
  row: css({
    display: 'grid',
    gridTemplateColumns: '92px 92px minmax(0, 1fr)',
    columnGap: theme.spacing(1),
    padding: '1px 8px',
    borderLeft: '3px solid var(--role)',
    '&:hover': { background: theme.colors.action.hover },
    [NARROW]: { gridTemplateColumns: 'auto minmax(0, 1fr)' },
  }),
  selected: css({ background: theme.colors.action.selected, outline: `1px solid ${theme.colors.primary.border}` }),
  match: css({ background: theme.colors.action.focus, outline: `1px solid ${theme.colors.warning.border}` }),
  time: css({
    alignSelf: 'start',
    color: theme.colors.text.secondary,
    whiteSpace: 'nowrap',
    [NARROW]: { gridColumn: 2, gridRow: 1, justifySelf: 'end' },
  }),
  link: css({
    padding: 0,
    border: 'none',
    background: 'none',
    font: 'inherit',
    textAlign: 'left',
    cursor: 'pointer',
    '&:hover': { color: theme.colors.text.link, textDecoration: 'underline' },
  }),
  role: css({
    display: 'inline-flex',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    alignSelf: 'start',
    color: 'var(--role)',
    whiteSpace: 'nowrap',
    [NARROW]: { gridColumn: 1, gridRow: 1 },
  }),
  text: css({
    minWidth: 0,
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
    unicodeBidi: 'isolate',
    color: theme.colors.text.primary,
    [NARROW]: { gridColumn: '1 / -1' },
  }),
  error: css({ color: theme.colors.error.text }),
  faint: css({ opacity: 0.8 }),
  found: css({
    padding: 0,
    background: theme.colors.warning.main,
    color: theme.colors.warning.contrastText,
  }),
  more: css({
    display: 'block',
    padding: 0,
    border: 'none',
    background: 'none',
    color: theme.colors.text.link,
    fontFamily: theme.typography.fontFamily,
    '&:hover': { textDecoration: 'underline' },
  }),
  state: css({
    marginLeft: theme.spacing(1),
    color: theme.colors.text.secondary,
    fontFamily: theme.typography.fontFamily,
    fontSize: theme.typography.bodySmall.fontSize,
    whiteSpace: 'nowrap',
  }),
});
