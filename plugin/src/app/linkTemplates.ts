import { usePluginContext } from '@grafana/data';
import type { AnsweredRun } from '../api/FleetApi';
import { safeHref } from '../components/SafeLink';
import { APP_ID } from '../constants';

/** What of a run may stand in a template, as `{runId}`. */
export const LINK_FIELDS = [
  'source',
  'runId',
  'project',
  'workflow',
  'persona',
  'chainId',
  'sandboxId',
  'triggerRunId',
  'commitSha',
] as const satisfies readonly (keyof AnsweredRun)[];
type LinkField = (typeof LINK_FIELDS)[number];

/** A link that every run gets which has the fields that its address names. */
export interface LinkTemplate {
  readonly name: string;
  readonly url: string;
}

/** What the app's configuration keeps in Grafana, for everybody to read: no secrets. */
export interface AppOptions {
  readonly links?: readonly LinkTemplate[];
}

const FIELD = /\{([^}]*)\}/g;

export type LinkProblem = 'name' | 'field' | 'address';

/** @returns what of a template cannot be; undefined where nothing. */
export function problemOf({ name, url }: LinkTemplate): LinkProblem | undefined {
  if (name.trim() === '') return 'name';
  const fields = [...url.matchAll(FIELD)].map(([, field]) => field);
  if (fields.some((field) => !LINK_FIELDS.some((known) => known === field))) return 'field';
  return safeHref(url.replace(FIELD, 'x')) === undefined ? 'address' : undefined;
}

/** @returns the links of a run, of the templates that it has every field of. Values cannot leave their place in the address. */
export function templateLinks(run: AnsweredRun, templates: readonly LinkTemplate[]): readonly LinkTemplate[] {
  return templates.flatMap((template) => {
    if (problemOf(template) !== undefined) return [];
    let isKnown = true;
    const url = template.url.replace(FIELD, (_whole, field: LinkField) => {
      const value = run[field];
      if (value === undefined) isKnown = false;
      return encodeURIComponent(value ?? '');
    });
    return isKnown && safeHref(url) !== undefined ? [{ name: template.name, url }] : [];
  });
}

/** @returns the templates of the app's configuration; none in a panel, which knows its own plugin alone. */
export function useLinkTemplates(): readonly LinkTemplate[] {
  const meta = usePluginContext()?.meta;
  return meta?.id === APP_ID ? linksIn(meta.jsonData) : [];
}

/** @returns the templates in options that somebody may have written by hand. */
export function linksIn(options: unknown): readonly LinkTemplate[] {
  const { links } = (options ?? {}) as { links?: unknown };
  if (!Array.isArray(links)) return [];
  return links.filter((link): link is LinkTemplate => typeof link?.name === 'string' && typeof link.url === 'string');
}
