import type { RowReader } from './readRows.ts';

/** A scan may take this share of the time: a table of ten million rows is then scanned every few minutes, a small one at each poll. */
const SHARE = 0.05;
/** Scans shorter than this are free. */
const FREE_SECONDS = 0.05;

/** Keeps the reading of whole tables below a share of the source server's time, measured by how long the last scan took. */
export class ScanBudget {
  #notBeforeMs = 0;

  mayScan(): boolean {
    return performance.now() >= this.#notBeforeMs;
  }

  scanned(seconds: number): void {
    if (seconds > FREE_SECONDS) this.#notBeforeMs = performance.now() + (seconds * 1000) / SHARE;
  }
}

/** Measures what looking for changed rows costs the source. */
export function timedScans(rows: RowReader, budget: ScanBudget): RowReader {
  return {
    mark: () => rows.mark(),
    count: () => rows.count(),
    all: (after, limit) => rows.all(after, limit),
    byIds: (ids) => rows.byIds(ids),
    async changed(since, horizon, after, limit) {
      const startedMs = performance.now();
      const page = await rows.changed(since, horizon, after, limit);
      if (horizon !== undefined) budget.scanned((performance.now() - startedMs) / 1000);
      return page;
    },
  };
}
