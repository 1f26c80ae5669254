import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const RULES_DIRECTORY = fileURLToPath(new URL('../../provisioning/prometheus/rules', import.meta.url));

export interface Rule {
  /** Of a recording rule: the series that it makes. */
  readonly record: string | undefined;
  readonly alert: string | undefined;
  readonly expr: string;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly labels: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly record?: string;
      readonly alert?: string;
      readonly expr: string | number;
      readonly for?: string;
      readonly keep_firing_for?: string;
      readonly labels?: Readonly<Record<string, string>>;
    }[];
  }[];
}

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 };

/** @returns `1h30m` in milliseconds. */
export function durationMs(text: string | undefined): number {
  if (text === undefined || text === '0') return 0;
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h|d|w|y)/g)];
  if (parts.map(([part]) => part).join('') !== text)
    throw new Error(`gameday: found the duration ${JSON.stringify(text)}, expected one of Prometheus, say 1h30m`);
  return parts.reduce((sum, [, n, unit]) => sum + Number(n) * UNITS[unit as keyof typeof UNITS], 0);
}

/** The rules of a file of Prometheus, in the order in which a group evaluates them. */
export function parseRules(text: string): Rule[] {
  const { groups } = parse(text) as RuleFile;
  return groups.flatMap(({ rules }) =>
    rules.map((rule) => ({
      record: rule.record,
      alert: rule.alert,
      expr: String(rule.expr),
      forMs: durationMs(rule.for),
      keepFiringForMs: durationMs(rule.keep_firing_for),
      labels: rule.labels ?? {},
    })),
  );
}

/** The shipped rules. */
export async function readRules(directory = RULES_DIRECTORY): Promise<Rule[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.yml')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  return texts.flatMap(parseRules);
}
