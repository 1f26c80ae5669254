import { FINISHED_STATUSES, OPEN_STATUSES } from '@contract/status.ts';
import { css } from '@emotion/css';
import { dateTime, type GrafanaTheme2, type TimeRange } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { Button, Combobox, EmptyState, FilterInput, FilterPill, TimeRangeInput, useStyles2 } from '@grafana/ui';
import { useEffect, useId, useMemo, useState } from 'react';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { type ParameterChanges, usePageParameters } from '../../app/usePageParameters';
import { fromRaw, toRange } from '../../app/usePageTime';
import { FindBox } from '../../components/FindBox';
import { HiddenLabel } from '../../components/HiddenLabel';
import { ListPaging } from '../../components/ListPaging';
import { pullRequestLabel } from '../../components/PullRequestBadge';
import { QueryState } from '../../components/QueryState';
import { RunTable } from '../../components/RunTable';
import { formatCount } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { LiveIndicator } from '../../live/LiveIndicator';
import { STATUS_STYLES } from '../../status/statusStyles';
import { DownloadRuns } from './DownloadRuns';
import { RunFilterPanel } from './RunFilterPanel';
import {
  type Choice,
  countFilters,
  createdWindow,
  FLAGS,
  type Flag,
  type Order,
  type RunFilters,
  readRunFilters,
  type Sort,
  viewOf,
  withoutFilters,
} from './runFilters';
import { SavedViews } from './SavedViews';
import { useRunCounts } from './useRunCounts';
import { PAGE_SIZE, useRunList } from './useRunList';

const STATUS_PILLS = [...OPEN_STATUSES, ...FINISHED_STATUSES, 'unknown'] as const;
const TYPING_MS = 400;

/** Every run, newest first: found by what it is, kept in place while new ones come. */
export default function RunsPage() {
  const styles = useStyles2(getStyles);
  const [parameters, change] = usePageParameters();
  const view = viewOf(parameters);
  const filters = useMemo(() => readRunFilters(new URLSearchParams(view)), [view]);
  const cursor = parameters.get('cursor') ?? undefined;
  /** Other filters begin at the first page. */
  const filter = (changes: ParameterChanges, replace = false) => change({ ...changes, cursor: undefined }, { replace });
  const list = useRunList(filters, cursor);
  const filterCount = countFilters(filters);

  return (
    <PluginPage
      pageNav={menuPage(t('runs.title', 'Runs'), links.runs())}
      actions={
        <>
          <LiveIndicator />
          <FindBox />
        </>
      }
    >
      <div className={styles.page}>
        <Filters filters={filters} view={view} onChange={filter} />
        <div className={styles.list}>
          <News count={list.news} isMore={list.isMore} onShow={list.showNews} />
          <QueryState
            query={list.query}
            isEmpty={({ data }) => data.length === 0}
            empty={
              <EmptyState
                variant="not-found"
                message={
                  filterCount > 0
                    ? t('runs.none-filtered', 'No run fits these filters')
                    : t('runs.none', 'No run has been recorded yet')
                }
                button={
                  filterCount > 0 ? (
                    <Button variant="secondary" onClick={() => change(withoutFilters())}>
                      <Trans i18nKey="runs.clear">Clear filters</Trans>
                    </Button>
                  ) : undefined
                }
              />
            }
          >
            {({ data, nextCursor }) => (
              <>
                <RunTable
                  runs={data}
                  caption={t('runs.caption', 'Runs')}
                  isBusy={list.isChanging}
                  sorting={{
                    by: filters.sort,
                    order: filters.order,
                    onChange: (sort, order) => filter({ sort, order }),
                  }}
                />
                <ListPaging cursor={cursor} next={nextCursor ?? undefined} isBusy={list.isChanging} size={PAGE_SIZE} />
              </>
            )}
          </QueryState>
        </div>
      </div>
    </PluginPage>
  );
}

interface FiltersProps {
  readonly filters: RunFilters;
  readonly view: string;
  onChange(changes: ParameterChanges, replace?: boolean): void;
}

function Filters({ filters, view, onChange }: FiltersProps) {
  const styles = useStyles2(getStyles);
  const id = useId();
  const { choices, flags } = filters;
  const inPanel = countFilters({
    ...filters,
    choices: { ...choices, status: [] },
    flags: { unattended: false, below_baseline: false },
    q: undefined,
    chain_id: undefined,
    from: undefined,
    to: undefined,
  });
  const [isOpen, setOpen] = useState(false);
  const counts = useRunCounts(filters);
  const toggle = (name: Choice, value: string) =>
    onChange({
      [name]: choices[name].includes(value)
        ? choices[name].filter((other) => other !== value)
        : [...choices[name], value],
    });
  return (
    <section aria-label={t('runs.filters', 'Filters')} className={styles.filters}>
      <div className={styles.row}>
        <SearchText text={filters.q ?? ''} onChange={(q) => onChange({ q }, true)} />
        <CreatedRange filters={filters} onChange={onChange} />
        <Button
          variant="secondary"
          icon="filter"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
        >
          {inPanel === 0
            ? t('runs.more-filters', 'More filters')
            : t('runs.more-filters-set', 'More filters ({{count}} set)', { count: inPanel })}
        </Button>
        <SortPicker filters={filters} onChange={onChange} />
        <SavedViews search={view} />
        <DownloadRuns filters={filters} />
      </div>
      <div className={styles.pills}>
        {STATUS_PILLS.map((status) => (
          <FilterPill
            key={status}
            label={counted(STATUS_STYLES[status].label, counts && (counts.byStatus[status] ?? 0))}
            selected={choices.status.includes(status)}
            onClick={() => toggle('status', status)}
          />
        ))}
        <FilterPill
          label={pullRequestLabel('blocked_on_ci')}
          selected={choices.pr_status.includes('blocked_on_ci')}
          onClick={() => toggle('pr_status', 'blocked_on_ci')}
        />
        {FLAGS.map((flag) => (
          <FilterPill
            key={flag}
            label={flagLabel(flag)}
            selected={flags[flag]}
            onClick={() => onChange({ [flag]: flags[flag] ? undefined : 'true' })}
          />
        ))}
        {filters.chain_id !== undefined && (
          <FilterPill
            label={t('runs.filter.chain', 'Chain {{id}}', { id: filters.chain_id, ...VERBATIM })}
            selected
            onClick={() => onChange({ chain_id: undefined })}
          />
        )}
      </div>
      <div className={styles.row}>
        {counts !== undefined && (
          <span className={styles.total}>
            {t('runs.total', '{{total}} runs', {
              total: formatCount(counts.total),
              count: counts.total,
              defaultValue_one: '{{total}} run',
            })}
          </span>
        )}
        {countFilters(filters) > 0 && (
          <Button variant="secondary" fill="text" onClick={() => onChange(withoutFilters())}>
            <Trans i18nKey="runs.clear">Clear filters</Trans>
          </Button>
        )}
      </div>
      <div id={id}>{isOpen && <RunFilterPanel filters={filters} onChange={onChange} />}</div>
    </section>
  );
}

/** @returns the label with how many there are, where that is known. */
function counted(label: string, count: number | undefined): string {
  return count === undefined ? label : `${label} ${formatCount(count)}`;
}

function flagLabel(flag: Flag): string {
  switch (flag) {
    case 'unattended':
      return t('runs.filter.unattended', 'Unattended failures');
    case 'below_baseline':
      return t('runs.filter.below-baseline', 'Below baseline');
  }
}

/** Asked for once typing pauses. */
function SearchText({ text, onChange }: { text: string; onChange: (q: string) => void }) {
  const [typed, setTyped] = useState(text);
  const [known, setKnown] = useState(text);
  if (known !== text) {
    setKnown(text);
    setTyped(text);
  }
  useEffect(() => {
    if (typed === known) return;
    const timer = setTimeout(() => onChange(typed), TYPING_MS);
    return () => clearTimeout(timer);
  });
  return (
    <div className={searchText}>
      <FilterInput
        escapeRegex={false}
        aria-label={t('runs.search', 'Words in id, name, error or prompt')}
        placeholder={t('runs.search', 'Words in id, name, error or prompt')}
        value={typed}
        onChange={setTyped}
      />
    </div>
  );
}

const NEVER = dateTime(null);
/** What the picker takes for none. */
const NO_RANGE: TimeRange = { from: NEVER, to: NEVER, raw: { from: NEVER, to: NEVER } };

function CreatedRange({ filters, onChange }: Pick<FiltersProps, 'filters' | 'onChange'>) {
  const isSet = filters.from !== undefined || filters.to !== undefined;
  return (
    <div className={createdRange}>
      <TimeRangeInput
        value={isSet ? toRange(createdWindow(filters)) : NO_RANGE}
        placeholder={t('runs.created-any', 'Created at any time')}
        hideTimeZone
        clearable
        onChange={({ raw, from }) =>
          onChange(from.isValid() ? { ...fromRaw(raw) } : { from: undefined, to: undefined })
        }
      />
    </div>
  );
}

const SORT_CHOICES: readonly (readonly [Sort, Order])[] = [
  ['created_at', 'desc'],
  ['created_at', 'asc'],
  ['started_at', 'desc'],
  ['finished_at', 'desc'],
  ['duration', 'desc'],
  ['duration', 'asc'],
  ['cost', 'desc'],
  ['cost', 'asc'],
  ['score', 'desc'],
  ['score', 'asc'],
];

function sortLabel([sort, order]: readonly [Sort, Order]): string {
  switch (sort) {
    case 'created_at':
      return order === 'desc' ? t('runs.sort.newest', 'Newest first') : t('runs.sort.oldest', 'Oldest first');
    case 'started_at':
      return order === 'desc'
        ? t('runs.sort.started', 'Last started first')
        : t('runs.sort.started-asc', 'First started first');
    case 'finished_at':
      return order === 'desc'
        ? t('runs.sort.finished', 'Last finished first')
        : t('runs.sort.finished-asc', 'First finished first');
    case 'duration':
      return order === 'desc' ? t('runs.sort.longest', 'Longest first') : t('runs.sort.shortest', 'Shortest first');
    case 'cost':
      return order === 'desc' ? t('runs.sort.dearest', 'Dearest first') : t('runs.sort.cheapest', 'Cheapest first');
    case 'score':
      return order === 'desc' ? t('runs.sort.best', 'Best score first') : t('runs.sort.worst', 'Worst score first');
  }
}

function SortPicker({ filters: { sort, order }, onChange }: Pick<FiltersProps, 'filters' | 'onChange'>) {
  const options = useMemo(() => {
    const isUsual = SORT_CHOICES.some(([by, way]) => by === sort && way === order);
    const choices = isUsual ? SORT_CHOICES : [...SORT_CHOICES, [sort, order] as const];
    return choices.map((choice) => ({ value: choice.join(' '), label: sortLabel(choice) }));
  }, [sort, order]);
  const id = useId();
  return (
    <>
      <HiddenLabel id={id}>{t('runs.sort.label', 'Sort')}</HiddenLabel>
      <Combobox
        aria-labelledby={id}
        width="auto"
        minWidth={18}
        value={`${sort} ${order}`}
        options={options}
        onChange={({ value }) => {
          const [by, way] = value.split(' ');
          onChange({ sort: by, order: way });
        }}
      />
    </>
  );
}

/** Runs that came since the list was opened: shown when the reader wants to see them. */
function News({ count, isMore, onShow }: { count: number; isMore: boolean; onShow: () => void }) {
  return (
    <div role="status">
      {count > 0 && (
        <Button variant="secondary" icon="arrow-up" fullWidth onClick={onShow}>
          {isMore
            ? t('runs.news-more', 'More than {{count}} new runs', { count })
            : t('runs.news', '{{count}} new runs', { count, defaultValue_one: '{{count}} new run' })}
        </Button>
      )}
    </div>
  );
}

const searchText = css({ flex: '1 1 240px', minWidth: 0 });
const createdRange = css({ flex: '0 1 auto', minWidth: 200 });

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'grid', gap: theme.spacing(2), minWidth: 0 }),
  list: css({ minWidth: 0 }),
  filters: css({ display: 'grid', gap: theme.spacing(1), minWidth: 0 }),
  row: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: theme.spacing(1), minWidth: 0 }),
  pills: css({
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: theme.spacing(1),
    minWidth: 0,
    // One line that scrolls leaves room for the runs.
    [theme.breakpoints.down('sm')]: { flexWrap: 'nowrap', overflowX: 'auto', '> *': { flexShrink: 0 } },
  }),
  total: css({ color: theme.colors.text.secondary, fontVariantNumeric: 'tabular-nums' }),
});
