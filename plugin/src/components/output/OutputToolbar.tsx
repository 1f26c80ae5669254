import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Combobox, Icon, IconButton, Input, useStyles2 } from '@grafana/ui';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import type { Listed } from '../../api/FleetApi';
import { LiveIndicator } from '../../live/LiveIndicator';
import { HiddenLabel } from '../HiddenLabel';
import type { OutputSearch } from './useOutputSearch';

interface Props {
  readonly search: OutputSearch;
  readonly onSearch: (words: string) => void;
  readonly steps: readonly Listed<'step'>[];
  readonly onStep: (stepId: string) => void;
  readonly live: boolean;
  readonly textUrl: string;
  readonly recordsUrl: string;
}

/** Typing waits so long before it is searched for. */
const TYPING_MS = 350;

export function stepLabel({ name, role, index, iteration, stepId }: Listed<'step'>): string {
  const words = name ?? role ?? stepId;
  const place = index === undefined ? '' : `${index + 1}. `;
  return iteration === undefined ? `${place}${words}` : `${place}${words} · ${iteration}`;
}

/** Search, jump to a step, download, and whether it is live. */
export function OutputToolbar({ search, onSearch, steps, onStep, live, textUrl, recordsUrl }: Props) {
  const styles = useStyles2(getStyles);
  const [typed, setTyped] = useState(search.words);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setTyped(search.words), [search.words]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (words: string) => {
    setTyped(words);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onSearch(words), TYPING_MS);
  };
  const stepOptions = useMemo(() => steps.map((step) => ({ value: step.stepId, label: stepLabel(step) })), [steps]);
  const jumpLabel = useId();
  const { count, hasMore, index, error } = search;
  return (
    <div className={styles.bar} role="toolbar" aria-label={t('output.toolbar', 'Output')}>
      <div className={styles.search}>
        <Input
          value={typed}
          onChange={(event) => type(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') type('');
            if (event.key !== 'Enter') return;
            event.preventDefault();
            if (typed !== search.words) {
              clearTimeout(timer.current);
              onSearch(typed);
            } else if (event.shiftKey) search.previous();
            else search.next();
          }}
          placeholder={t('output.search', 'Search in all output')}
          aria-label={t('output.search', 'Search in all output')}
          data-testid="output-search"
        />
      </div>
      {search.words !== '' && (
        <>
          <span className={styles.count} role="status" data-testid="output-matches">
            {error !== null ? error.message : countText(count, hasMore, index)}
          </span>
          <IconButton
            name="angle-up"
            tooltip={t('output.previous', 'Previous match (Shift+Enter)')}
            onClick={search.previous}
            disabled={!count}
          />
          <IconButton
            name="angle-down"
            tooltip={t('output.next', 'Next match (Enter)')}
            onClick={search.next}
            disabled={!count}
          />
        </>
      )}
      {steps.length > 1 && (
        <div className={styles.step}>
          <HiddenLabel id={jumpLabel}>{t('output.jump', 'Jump to step')}</HiddenLabel>
          <Combobox
            options={stepOptions}
            value={null}
            onChange={(option) => option !== null && onStep(option.value)}
            placeholder={t('output.jump', 'Jump to step')}
            aria-labelledby={jumpLabel}
          />
        </div>
      )}
      <span className={styles.end}>
        {live && <LiveIndicator />}
        {/* Grafana's own links decode their address, and its router takes those without a target. */}
        <a href={textUrl} target="_self" download className={styles.link} data-testid="output-download">
          <Icon name="download-alt" size="sm" aria-hidden /> <Trans i18nKey="output.download">Download</Trans>
        </a>
        <a href={recordsUrl} target="_self" download className={styles.link}>
          NDJSON
        </a>
      </span>
    </div>
  );
}

function countText(count: number | undefined, hasMore: boolean, index: number | undefined): string {
  if (count === undefined) return t('output.searching', 'Searching…');
  if (count === 0) return t('output.no-match', 'No match');
  const all = hasMore ? `${count}+` : String(count);
  return index === undefined
    ? t('output.matches', '{{all}} lines', { all })
    : t('output.match-of', '{{index}} of {{all}}', { index: index + 1, all });
}

const getStyles = (theme: GrafanaTheme2) => ({
  bar: css({
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: theme.spacing(1),
    marginBottom: theme.spacing(1),
  }),
  search: css({ flex: '1 1 200px', maxWidth: 360 }),
  step: css({ flex: '0 1 200px' }),
  count: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
  link: css({
    color: theme.colors.text.link,
    whiteSpace: 'nowrap',
    '&:hover': { color: theme.colors.text.link, textDecoration: 'underline' },
  }),
  end: css({ display: 'flex', alignItems: 'center', gap: theme.spacing(1), marginLeft: 'auto' }),
});
