import type { ScopedVars } from '@grafana/data';
import type { TemplateSrv } from '@grafana/runtime';
import { isEverything } from './everything';
import type { FilterName, FleetQuery } from './types';

type Replace = Pick<TemplateSrv, 'replace'>;
type WithFilters = { readonly filters?: FleetQuery['filters'] };

/** One text with variables -> the values that it stands for: a variable of several values is several of them. */
function valuesOf(text: string, templates: Replace, scoped: ScopedVars): string[] {
  const values: string[] = [];
  const take = (value: string | string[]) => {
    values.push(...[value].flat().map(String));
    return '';
  };
  const rest = templates.replace(text, scoped, take);
  // Without a variable, or with one inside a longer text, the text itself is the value.
  if (rest !== '' || values.length === 0) return [templates.replace(text, scoped)];
  return values;
}

export function interpolateFilters(
  { filters }: WithFilters,
  templates: Replace,
  scoped: ScopedVars,
): FleetQuery['filters'] {
  const entries = Object.entries(filters ?? {}) as [FilterName, string[]][];
  const replaced = entries.map(([name, texts]) => {
    const values = texts.flatMap((text) => valuesOf(text, templates, scoped)).filter((value) => value !== '');
    return [name, values.some(isEverything) ? [] : [...new Set(values)]] as const;
  });
  return Object.fromEntries(replaced.filter(([, values]) => values.length > 0));
}

/** @returns the query with every variable replaced. */
export function interpolateQuery(query: FleetQuery, templates: Replace, scoped: ScopedVars): FleetQuery {
  const texts: Partial<FleetQuery> = {};
  for (const name of ['source', 'id', 'stepId'] as const) {
    if (query[name] !== undefined) texts[name] = templates.replace(query[name], scoped);
  }
  return { ...query, ...texts, filters: interpolateFilters(query, templates, scoped) };
}
