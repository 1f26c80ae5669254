import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import { type ReactNode, useMemo, useState } from 'react';

export interface FigureColumn<T> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: T) => ReactNode;
  /** What rows are sorted by; absent: the column does not sort. What is unknown comes last. */
  readonly sortBy?: (row: T) => number | string | undefined;
  /** Figures stand at the right. */
  readonly isFigure?: boolean;
}

interface Props<T> {
  readonly caption: string;
  readonly rows: readonly T[];
  readonly columns: readonly FigureColumn<T>[];
  readonly keyOf: (row: T) => string;
}

/** Rows of figures, sorted by the column that is chosen. It scrolls sideways where there is no room. */
export function FigureTable<T>({ caption, rows, columns, keyOf }: Props<T>) {
  const styles = useStyles2(getStyles);
  const [sort, setSort] = useState<{ readonly id: string; readonly isAscending: boolean }>();
  const sorted = useMemo(() => {
    const by = columns.find(({ id }) => id === sort?.id)?.sortBy;
    if (sort === undefined || by === undefined) return rows;
    const sign = sort.isAscending ? 1 : -1;
    return [...rows].sort((a, b) => {
      const [left, right] = [by(a), by(b)];
      if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
      if (typeof left === 'string' || typeof right === 'string')
        return sign * String(left).localeCompare(String(right));
      return sign * (left - right);
    });
  }, [rows, columns, sort]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section className={styles.scroll} aria-label={caption} tabIndex={0}>
      <table className={styles.table}>
        <thead>
          <tr>
            {columns.map(({ id, header, sortBy, isFigure = false }) => {
              const order = sort?.id !== id ? 'none' : sort.isAscending ? 'ascending' : 'descending';
              return (
                <th key={id} scope="col" aria-sort={order} className={cx(isFigure && styles.figure)}>
                  {sortBy === undefined ? (
                    header
                  ) : (
                    <button
                      type="button"
                      className={styles.sort}
                      onClick={() => setSort({ id, isAscending: sort?.id === id ? !sort.isAscending : !isFigure })}
                    >
                      {header}
                      {order !== 'none' && <Icon name={order === 'ascending' ? 'arrow-up' : 'arrow-down'} size="sm" />}
                    </button>
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ id, cell, isFigure = false }) => (
                <td key={id} className={cx(isFigure && styles.figure)}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  scroll: css({ overflowX: 'auto' }),
  table: css({
    width: '100%',
    'th, td': { padding: theme.spacing(1), textAlign: 'left', verticalAlign: 'top' },
    th: {
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      fontWeight: theme.typography.fontWeightRegular,
      whiteSpace: 'nowrap',
    },
    tr: { borderBottom: `1px solid ${theme.colors.border.weak}` },
  }),
  figure: css({ '&&': { textAlign: 'right' }, fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }),
  sort: css({
    background: 'none',
    border: 'none',
    padding: 0,
    color: 'inherit',
    font: 'inherit',
    '&:hover': { color: theme.colors.text.primary },
  }),
});
