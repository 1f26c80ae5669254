import type { NormalisedEvent } from '../../contract/events.ts';
import type { Kind, RecordOf } from '../../contract/records.ts';
import type { Fact, RecordView, View } from '../../ledger/observe/recordView.ts';
import { VIEWS } from '../../ledger/observe/views.ts';

interface Merged {
  readonly kind: Kind;
  readonly doc: Record<string, unknown>;
  readonly stamps: Record<string, string>;
  readonly counted: Map<string, { readonly fact: string; readonly attempt: number; readonly passing: boolean }>;
}

/**
 * Merges events in order and looks at every state of every record as the metrics do: which label sets there are, and
 * where a later event contradicts what an earlier one made count.
 */
export class Replay {
  readonly records = new Map<string, Merged>();
  readonly series = new Set<string>();
  readonly corrections: string[] = [];

  apply(event: NormalisedEvent): void {
    const record = this.#merge(event);
    const attributesOfRun = this.records.get(`${event.source}|run|${String(record.doc.runId)}`)?.doc;
    const view = look(record, event.source, attributesOfRun);
    for (const { family, labels } of [
      ...view.facts,
      ...view.parts,
      ...(view.totals ?? []),
      ...(view.increments ?? []),
    ]) {
      this.series.add(`${family}{${labels.join('|')}}`);
    }
    this.#count(event, record, view);
  }

  of<K extends Kind>(kind: K): RecordOf<K>[] {
    const found: unknown[] = [];
    for (const record of this.records.values()) if (record.kind === kind) found.push(record.doc);
    // Every event was validated as a record of its kind.
    return found as RecordOf<K>[];
  }

  #merge({ source, kind, key, at, fields }: NormalisedEvent): Merged {
    const name = `${source}|${kind}|${key}`;
    let record = this.records.get(name);
    if (record === undefined) {
      record = { kind, doc: { source }, stamps: {}, counted: new Map() };
      this.records.set(name, record);
    }
    for (const [field, value] of Object.entries(fields)) {
      record.stamps[field] = at;
      if (value === null) delete record.doc[field];
      else record.doc[field] = value;
    }
    return record;
  }

  #count(event: NormalisedEvent, record: Merged, view: RecordView): void {
    const attempt = view.attempt ?? 1;
    const now = new Map(view.facts.map((fact) => [`${fact.family}/${fact.key}`, fact]));
    for (const [name, counted] of record.counted) {
      const fact = now.get(name);
      if (fact === undefined ? !counted.passing && counted.attempt === attempt : describe(fact) !== counted.fact) {
        this.corrections.push(`${event.id}: ${name} was ${counted.fact}, is ${fact ? describe(fact) : 'gone'}`);
      }
    }
    for (const [name, fact] of now) {
      if (!record.counted.has(name)) {
        record.counted.set(name, { fact: describe(fact), attempt, passing: fact.passing === true });
      }
    }
  }
}

function look(record: Merged, source: string, run: Record<string, unknown> | undefined): RecordView {
  // The table holds one view per kind, and the record was validated as of that kind.
  const view = VIEWS[record.kind] as View<Kind>;
  const finished = record.kind === 'run' && record.doc.finishedAt !== undefined;
  return view({ ...record.doc, source } as RecordOf<Kind>, {
    costFrom: 'usage',
    stampOf: (field) => record.stamps[field],
    run: run as { project?: string; workflow?: string } | undefined,
    settled: finished ? {} : undefined,
  });
}

function describe({ labels, value }: Fact): string {
  return `${labels.join('|')} ${value ?? 1}`;
}
