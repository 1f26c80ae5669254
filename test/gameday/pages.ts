import type { Firing } from './alertStates.ts';
import type { Span } from './steps.ts';

/** What silences others while it fires, as Alertmanager's inhibit_rules say. */
export interface InhibitRule {
  readonly source: readonly Matcher[];
  readonly target: readonly Matcher[];
  /** Labels that both have to share. */
  readonly equal: readonly string[];
}

interface Matcher {
  readonly name: string;
  readonly matches: (value: string) => boolean;
}

const MATCHER = /^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*$/;

export function parseMatcher(text: string): Matcher {
  const [, name = '', operator, value = ''] = MATCHER.exec(text) ?? [];
  if (name === '') throw new Error(`gameday: found the matcher ${JSON.stringify(text)}, expected one of Alertmanager`);
  const pattern = new RegExp(`^(?:${value})$`);
  const test = operator?.endsWith('~') ? (found: string) => pattern.test(found) : (found: string) => found === value;
  return { name, matches: operator?.startsWith('!') ? (found) => !test(found) : test };
}

export interface InhibitConfig {
  readonly source_matchers?: readonly string[];
  readonly target_matchers?: readonly string[];
  readonly equal?: readonly string[];
}

export function parseInhibitRules(rules: readonly InhibitConfig[]): InhibitRule[] {
  return rules.map(({ source_matchers = [], target_matchers = [], equal = [] }) => ({
    source: source_matchers.map(parseMatcher),
    target: target_matchers.map(parseMatcher),
    equal,
  }));
}

/** One page: an alert that somebody is told of, and until when it fires. */
export interface Page extends Firing {
  /** It fired before, while another alert silenced it. */
  readonly wasInhibited: boolean;
}

const labelsOf = ({ alert, labels }: Firing): Readonly<Record<string, string>> => ({ ...labels, alertname: alert });
const matchesAll = (matchers: readonly Matcher[], labels: Readonly<Record<string, string>>) =>
  matchers.every(({ name, matches }) => matches(labels[name] ?? ''));

/**
 * What Alertmanager tells of alerts: an alert that comes back before the next notification of its group is due is told of once, and
 * one that is inhibited is told of when that ends.
 * @param groupIntervalMs `group_interval`
 */
export function pagesOf(firings: readonly Firing[], rules: readonly InhibitRule[], groupIntervalMs: number): Page[] {
  const joined = joinFirings(firings, groupIntervalMs);
  return joined.flatMap((firing): Page[] => {
    const labels = labelsOf(firing);
    const muted = rules
      .filter(({ target }) => matchesAll(target, labels))
      .flatMap(({ source, equal }) =>
        firings.filter((other) => {
          const by = labelsOf(other);
          // An alert does not inhibit itself.
          return (
            matchesAll(source, by) &&
            other.alert !== firing.alert &&
            equal.every((name) => (by[name] ?? '') === (labels[name] ?? ''))
          );
        }),
      );
    let { from } = firing;
    for (let mutedBy = at(muted, from); mutedBy !== undefined; mutedBy = at(muted, from)) from = mutedBy.to;
    return from < firing.to || from === firing.from ? [{ ...firing, from, wasInhibited: from > firing.from }] : [];
  });
}

function at(spans: readonly Span[], ms: number): Span | undefined {
  return spans.find(({ from, to }) => from <= ms && ms < to);
}

function joinFirings(firings: readonly Firing[], gapMs: number): Firing[] {
  return [
    ...Map.groupBy(firings, ({ alert, labels }) => JSON.stringify([alert, Object.entries(labels).sort()])).values(),
  ].flatMap((of) => {
    const joined: Firing[] = [];
    for (const firing of of.sort((a, b) => a.from - b.from)) {
      const last = joined.at(-1);
      if (last !== undefined && firing.from - last.to < gapMs)
        joined[joined.length - 1] = { ...last, to: Math.max(last.to, firing.to) };
      else joined.push(firing);
    }
    return joined;
  });
}
