import type { ClientBase } from 'pg';
import { type FamilyName, familyOf, METRIC_CATALOGUE } from '../contract/metricCatalogue.ts';
import type { Kind } from '../contract/records.ts';
import { allStatements } from './allStatements.ts';
import { float8Array, int4Array, int8Array, textArray } from './binaryArrays.ts';
import { SpentMoves } from './budgets/spentMoves.ts';
import { NanoSum } from './nano.ts';
import type { Move, Observation } from './observe/observe.ts';
import { takesLeast } from './observe/observe.ts';
import type { Part } from './observe/recordView.ts';
import type { QualityNotes } from './quality/noteEvaluation.ts';
import type { Series, SeriesRegistry } from './seriesRegistry.ts';

/** The exemplar of a bucket: an observation, when it happened (Unix seconds) and whose it was. */
export interface Exemplar {
  readonly runId: string;
  readonly source: string;
  readonly value: number;
  readonly at: number;
}

interface Pending {
  readonly series: Series;
  readonly sum: NanoSum;
  count: number;
  readonly buckets: number[] | undefined;
  exemplars: Record<string, Exemplar> | undefined;
}

interface Owner {
  readonly kind: Kind;
  readonly source: string;
  readonly key: string;
}

const MOST_BUCKETS = Math.max(...METRIC_CATALOGUE.map(({ buckets }) => (buckets?.length ?? 0) + 1));
/**
 * The sums of a row's buckets and what $6 has for it from `buckets_at` on. Written out: a subquery over both arrays takes
 * as long as the rest of the row's update. Elements past the row's own are null or another row's, and cut off.
 */
const BUCKET_SUMS = Array.from(
  { length: MOST_BUCKETS },
  (_, i) => `r.buckets[${i + 1}] + ($6::bigint[])[m.buckets_at + ${i + 1}]`,
);

const SEPARATOR = '\u001f';

/** What one transaction adds to the rollups; written in a handful of statements at its end. */
export class RollupMoves {
  readonly #pending = new Map<number, Pending>();
  readonly #partsEnded = new Map<string, { series: number; owner: Owner }>();
  readonly #partsBegun = new Map<string, { series: number; owner: Owner; value: number }>();
  readonly #resolved = new Map<number, number>();
  readonly #registry: SeriesRegistry;
  /** Money of the budgets. */
  readonly spent = new SpentMoves();
  readonly quality: QualityNotes = { evaluated: [], restated: new Set() };
  /** Sources whose counters are not exposed yet: their series need not begin at 0. */
  readonly #hidden: ReadonlySet<string>;

  constructor(registry: SeriesRegistry, hidden: ReadonlySet<string>) {
    this.#registry = registry;
    this.#hidden = hidden;
  }

  add(owner: Owner, observation: Observation): void {
    for (const { family, labels } of observation.births) this.#registry.resolve(family, labels);
    for (const move of observation.moves) this.#move(move, owner.source);
    for (const part of observation.ended) this.#part(part, owner, -1);
    for (const part of observation.begun) this.#part(part, owner, 1);
    for (const { family, labels, value } of observation.resolves) {
      const { id } = this.#registry.resolve(family, labels);
      this.#resolved.set(id, Math.max(this.#resolved.get(id) ?? Number.NEGATIVE_INFINITY, value));
    }
    for (const family of observation.corrections) this.count('fleetlens_corrections_total', [family]);
  }

  count(family: FamilyName, labels: readonly string[], value = 1): void {
    this.#of(family, labels).sum.add(value);
  }

  #of(family: FamilyName, labels: readonly string[]): Pending {
    const series = this.#registry.resolve(family, labels);
    let pending = this.#pending.get(series.id);
    if (pending === undefined) {
      const buckets = familyOf(family).buckets;
      pending = {
        series,
        sum: new NanoSum(),
        count: 0,
        buckets: buckets && new Array(buckets.length + 1).fill(0),
        exemplars: undefined,
      };
      this.#pending.set(series.id, pending);
    }
    return pending;
  }

  #move({ family, labels, value, runId, at, spent }: Move, source: string): void {
    if (spent !== undefined) this.spent.add(source, spent, value);
    const pending = this.#of(family, labels);
    const definition = familyOf(family);
    pending.sum.add(value);
    if (definition.type === 'counter') return;
    pending.count += 1;
    if (pending.buckets === undefined) return;
    const bucket = bucketOf(definition.buckets ?? [], value);
    pending.buckets[bucket] = (pending.buckets[bucket] ?? 0) + 1;
    if (definition.exemplar && runId !== undefined) {
      pending.exemplars ??= {};
      pending.exemplars[bucket] = {
        runId,
        source,
        value,
        at: at === undefined ? Date.now() / 1000 : Date.parse(at) / 1000,
      };
    }
  }

  #part({ family, labels, value }: Part, owner: Owner, sign: 1 | -1): void {
    if (!takesLeast(family)) {
      const pending = this.#of(family, labels);
      pending.sum.add(sign * value);
      pending.count += sign;
      return;
    }
    const { id } = this.#registry.resolve(family, labels);
    const key = [id, owner.kind, owner.source, owner.key].join(SEPARATOR);
    if (sign === -1) {
      this.#partsBegun.delete(key);
      this.#partsEnded.set(key, { series: id, owner });
    } else this.#partsBegun.set(key, { series: id, owner, value });
  }

  /** Writes everything under change number `seq`. Call once, after the last `add`. All statements are issued before it returns. */
  write(client: ClientBase, seq: number): Promise<unknown> {
    const { created, folded } = this.#registry.takeNew();
    for (const family of folded) this.count('fleetlens_series_folded_total', [family]);
    // Counting the folds can itself make a series.
    const fresh = [...created, ...this.#registry.takeNew().created];
    return allStatements([
      this.#insertNew(client, fresh, seq),
      this.#addToRollups(client, seq),
      this.#moveParts(client, seq),
    ]);
  }

  async #insertNew(client: ClientBase, fresh: readonly Series[], seq: number): Promise<void> {
    if (fresh.length === 0) return;
    await client.query({
      name: 'rollup_new',
      // Not now(): that is when the transaction began to wait for the writer lock.
      text: `insert into fleetlens.rollup (id, family, labels, buckets, born_at, seq)
        select (s ->> 0)::int, s ->> 1, array(select jsonb_array_elements_text(s -> 2)),
          case when (s ->> 3)::int > 0 then array_fill(0::bigint, array[(s ->> 3)::int]) end,
          case when (s ->> 4)::boolean then clock_timestamp() end, $2
        from jsonb_array_elements($1::jsonb) s`,
      values: [
        JSON.stringify(
          fresh.map(({ id, family, labels }) => {
            const { type, buckets } = familyOf(family);
            const bornLive = type !== 'gauge' && !this.#hidden.has(labels[0] as string);
            return [id, family, labels, buckets === undefined ? 0 : buckets.length + 1, bornLive];
          }),
        ),
        seq,
      ],
    });
  }

  async #addToRollups(client: ClientBase, seq: number): Promise<void> {
    const moved = [...this.#pending.values()];
    const buckets: number[] = [];
    const bucketsAt = new Map<Pending, number>();
    for (const pending of moved) {
      if (pending.buckets === undefined) continue;
      bucketsAt.set(pending, buckets.length);
      buckets.push(...pending.buckets);
    }
    if (moved.length === 0) return;
    await client.query({
      name: 'rollup_add',
      // A series that nothing touched for 30 days was retired from the exposition: it comes back as it went, so that
      // increase() sees only what is new.
      text: `update fleetlens.rollup r set
          value = r.value + m.value::numeric,
          count = r.count + m.count,
          buckets = case when m.buckets_at is null then r.buckets else (array[${BUCKET_SUMS}])[:cardinality(r.buckets)] end,
          exemplars = case when m.exemplars is null then r.exemplars else coalesce(r.exemplars, '{}') || m.exemplars::jsonb end,
          born_at = case when r.touched_at < now() - interval '30 days' then clock_timestamp() else r.born_at end,
          shown_first = case when r.touched_at < now() - interval '30 days'
            then json_build_object('value', r.value::text, 'count', r.count, 'buckets', r.buckets) else r.shown_first end,
          touched_at = now(),
          seq = $7
        from unnest($1::int[], $2::text[], $3::bigint[], $4::int[], $5::text[]) as m(id, value, count, buckets_at, exemplars)
        where r.id = m.id`,
      values: [
        int4Array(moved.map((m) => m.series.id)),
        textArray(moved.map((m) => m.sum.total().toString())),
        int8Array(moved.map((m) => m.count)),
        int4Array(moved.map((m) => bucketsAt.get(m) ?? null)),
        textArray(moved.map((m) => (m.exemplars === undefined ? null : JSON.stringify(m.exemplars)))),
        int8Array(buckets),
        seq,
      ],
    });
  }

  #moveParts(client: ClientBase, seq: number): Promise<unknown> {
    const written: Promise<unknown>[] = [];
    const ended = [...this.#partsEnded.values()];
    const begun = [...this.#partsBegun.values()];
    const touched = new Set([...ended, ...begun].map((p) => p.series));
    if (ended.length > 0) {
      written.push(
        client.query({
          name: 'part_end',
          text: `delete from fleetlens.part p using unnest($1::int[], $2::text[], $3::text[], $4::text[]) as e(series, kind, source, key)
          where p.series = e.series and p.kind = e.kind and p.source = e.source and p.key = e.key`,
          values: columns(ended),
        }),
      );
    }
    if (begun.length > 0) {
      written.push(
        client.query({
          name: 'part_begin',
          text: `insert into fleetlens.part (series, kind, source, key, value)
          select * from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::float8[])
          on conflict (series, kind, source, key) do update set value = excluded.value`,
          values: [...columns(begun), float8Array(begun.map((p) => p.value))],
        }),
      );
    }
    if (this.#resolved.size > 0) {
      const ids = [...this.#resolved.keys()];
      for (const id of ids) touched.add(id);
      written.push(
        client.query({
          name: 'part_resolve',
          text: `with resolved as (
            update fleetlens.rollup r set resolved_to = greatest(r.resolved_to, m.value)
            from unnest($1::int[], $2::float8[]) as m(id, value) where r.id = m.id returning r.id, r.resolved_to)
          delete from fleetlens.part p using resolved r where p.series = r.id and p.value <= r.resolved_to`,
          values: [int4Array(ids), float8Array([...this.#resolved.values()])],
        }),
      );
    }
    if (touched.size > 0) written.push(refreshLeast(client, [...touched], seq));
    return allStatements(written);
  }
}

/** Sets gauges that take the least to what their parts say. */
export async function refreshLeast(client: ClientBase, ids: readonly number[], seq: number): Promise<void> {
  await client.query({
    name: 'rollup_least',
    text: `update fleetlens.rollup r set
        count = case when l.least is null then 0 else 1 end,
        value = round(coalesce(l.least, 0)::numeric * 1000000000),
        touched_at = now(), seq = $2
      from unnest($1::int[]) as t(id) join fleetlens.rollup x on x.id = t.id left join lateral (
        select p.value as least from fleetlens.part p
        where p.series = x.id and p.value > coalesce(x.resolved_to, '-infinity') order by p.value limit 1) l on true
      where r.id = t.id`,
    values: [ids, seq],
  });
}

function columns(parts: readonly { series: number; owner: Owner }[]): Buffer[] {
  return [
    int4Array(parts.map((p) => p.series)),
    textArray(parts.map((p) => p.owner.kind)),
    textArray(parts.map((p) => p.owner.source)),
    textArray(parts.map((p) => p.owner.key)),
  ];
}

/** @returns the index of the first bucket whose upper edge is not below the value; the last one is +Inf. */
export function bucketOf(edges: readonly number[], value: number): number {
  let index = 0;
  while (index < edges.length && value > (edges[index] as number)) index += 1;
  return index;
}
