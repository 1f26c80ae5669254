import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import { useWidth } from './useWidth';

export interface Sorting<K extends string = string> {
  readonly by: string;
  readonly order: 'asc' | 'desc';
  onChange(by: K, order: 'asc' | 'desc'): void;
}

export interface RecordColumn<T, K extends string = never> {
  readonly id: string;
  readonly header: string;
  /** Its header sorts by this. */
  readonly sort?: K;
  readonly isNumber?: boolean;
  /** What a row is called by, and where it leads. */
  readonly isName?: boolean;
  /** Stands in a card without its header, above the name. */
  readonly inHead?: boolean;
  readonly cell: (record: T) => ReactNode;
}

interface Props<T, K extends string> {
  readonly records: readonly T[];
  readonly columns: readonly RecordColumn<T, K>[];
  readonly keyOf: (record: T) => string;
  /** The table's name for screen readers. */
  readonly caption: string;
  /** Absent: headers do not sort. */
  readonly sorting?: Sorting<K> | undefined;
  /** Another page is on its way. */
  readonly isBusy?: boolean;
  /** Rows that stand out: because of what they say, or since they changed a moment ago. */
  readonly markOf?: (record: T) => 'warning' | 'changed' | undefined;
}

/** Narrower than this, each record is a card. */
const TABLE_FROM = 860;

/** Records in rows, or in cards where there is no room. */
export function RecordTable<T, K extends string = never>(props: Props<T, K>) {
  const { records, columns, keyOf, caption, sorting, isBusy = false, markOf } = props;
  const styles = useStyles2(getStyles);
  const [ref, width] = useWidth<HTMLDivElement>();
  const markStyle = (record: T) => {
    const mark = markOf?.(record);
    return mark && styles[mark];
  };
  return (
    <div ref={ref} className={cx(styles.frame, isBusy && styles.busy)} aria-busy={isBusy}>
      {width === 0 ? null : width < TABLE_FROM ? (
        <ul className={styles.cards} aria-label={caption}>
          {records.map((record) => (
            <li key={keyOf(record)} className={cx(styles.card, markStyle(record))}>
              <div className={styles.cardHead}>
                {columns
                  .filter(({ inHead }) => inHead)
                  .map(({ id, cell }) => (
                    <span key={id}>{cell(record)}</span>
                  ))}
              </div>
              {columns.find(({ isName }) => isName)?.cell(record)}
              <dl className={styles.facts}>
                {columns
                  .filter(({ inHead, isName }) => !inHead && !isName)
                  .map(({ id, header, cell }) => (
                    <div key={id}>
                      <dt>{header}</dt>
                      <dd>{cell(record)}</dd>
                    </div>
                  ))}
              </dl>
            </li>
          ))}
        </ul>
      ) : (
        <table className={styles.table}>
          <caption className={styles.caption}>{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ id, header, sort, isNumber }) => (
                <th
                  key={id}
                  scope="col"
                  className={cx(isNumber && styles.number)}
                  aria-sort={
                    sort !== undefined && sorting?.by === sort
                      ? sorting.order === 'asc'
                        ? 'ascending'
                        : 'descending'
                      : undefined
                  }
                >
                  {sort === undefined || sorting === undefined ? header : <SortButton {...{ sort, header, sorting }} />}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {records.map((record) => (
              <tr key={keyOf(record)} className={markStyle(record)}>
                {columns.map(({ id, cell, isNumber, isName }) =>
                  isName ? (
                    <th key={id} scope="row" className={styles.name}>
                      {cell(record)}
                    </th>
                  ) : (
                    <td key={id} className={cx(isNumber && styles.number)}>
                      {cell(record)}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function SortButton<K extends string>({ sort, header, sorting }: { sort: K; header: string; sorting: Sorting<K> }) {
  const styles = useStyles2(getStyles);
  const isSorted = sorting.by === sort;
  return (
    <button
      type="button"
      className={styles.sort}
      onClick={() => sorting.onChange(sort, isSorted && sorting.order === 'desc' ? 'asc' : 'desc')}
    >
      {header}
      {isSorted && <Icon name={sorting.order === 'asc' ? 'arrow-up' : 'arrow-down'} size="sm" aria-hidden />}
    </button>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ minWidth: 0, overflowX: 'auto' }),
  busy: css({ opacity: 0.6 }),
  caption: css({ position: 'absolute', width: 1, height: 1, overflow: 'hidden', clipPath: 'inset(50%)' }),
  table: css({
    width: '100%',
    'th, td': {
      padding: theme.spacing(1),
      textAlign: 'left',
      verticalAlign: 'top',
      fontWeight: theme.typography.fontWeightRegular,
      borderBottom: `1px solid ${theme.colors.border.weak}`,
    },
    'thead th': {
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      whiteSpace: 'nowrap',
      verticalAlign: 'bottom',
    },
    'tbody tr:hover': { background: theme.colors.emphasize(theme.colors.background.primary, 0.03) },
  }),
  number: css({ '&&': { textAlign: 'right' }, fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }),
  name: css({ width: '32%', minWidth: 220 }),
  sort: css({
    display: 'inline-flex',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    padding: 0,
    font: 'inherit',
    border: 'none',
    background: 'none',
    color: 'inherit',
    '&:hover': { color: theme.colors.text.primary },
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: 2 },
  }),
  warning: css({
    boxShadow: `inset 3px 0 0 ${theme.colors.warning.main}`,
    background: theme.colors.warning.transparent,
  }),
  changed: css({ background: theme.colors.action.selected }),
  cards: css({ listStyle: 'none', margin: 0, padding: 0, display: 'grid', gap: theme.spacing(1) }),
  card: css({
    display: 'grid',
    gap: theme.spacing(1),
    padding: theme.spacing(1.5),
    minWidth: 0,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
  }),
  cardHead: css({
    display: 'flex',
    flexWrap: 'wrap',
    justifyContent: 'space-between',
    gap: theme.spacing(1),
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  facts: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(120px, 1fr))',
    gap: theme.spacing(1),
    margin: 0,
    dt: {
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      fontWeight: theme.typography.fontWeightRegular,
    },
    dd: { margin: 0 },
  }),
});
