import { createDataFrame, type DataFrame, type FieldConfig, FieldType, type QueryResultMeta } from '@grafana/data';

/** A column of a frame: what it is called, how it is shown, and where its value comes from. Undefined values stay empty. */
export interface Column<T> {
  readonly name: string;
  readonly type: FieldType;
  readonly config?: FieldConfig;
  value(row: T): unknown;
}

export function tableFrame<T>(
  refId: string,
  name: string,
  rows: readonly T[],
  columns: readonly Column<T>[],
  meta?: QueryResultMeta,
): DataFrame {
  return createDataFrame({
    refId,
    name,
    fields: columns.map((column) => ({
      name: column.name,
      type: column.type,
      config: column.config ?? {},
      values: rows.map((row) => column.value(row) ?? null),
    })),
    ...(meta === undefined ? {} : { meta }),
  });
}

export function text<T>(name: string, value: (row: T) => string | undefined, config?: FieldConfig): Column<T> {
  return { name, type: FieldType.string, value, ...(config && { config }) };
}

/** RFC 3339 -> milliseconds. */
export function instant<T>(name: string, value: (row: T) => string | undefined): Column<T> {
  const toMs = (row: T) => {
    const at = value(row);
    return at === undefined ? undefined : Date.parse(at);
  };
  return { name, type: FieldType.time, value: toMs };
}

/** @param unit of Grafana: `s`, `currencyUSD`, `bytes`, `percentunit`, `short` */
export function number<T>(
  name: string,
  unit: string,
  value: (row: T) => number | undefined,
  config?: FieldConfig,
): Column<T> {
  return { name, type: FieldType.number, value, config: { unit, ...config } };
}

export function flag<T>(name: string, value: (row: T) => boolean | undefined): Column<T> {
  return { name, type: FieldType.boolean, value };
}

/** What is none of the others: a list, a set of labels. */
export function other<T>(name: string, value: (row: T) => unknown): Column<T> {
  return { name, type: FieldType.other, value };
}
