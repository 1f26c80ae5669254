import { InvalidArgumentError } from 'commander';
import { STATUSES, type Status } from '../contract/status.ts';
import { statusOfWord } from '../contract/statusWords.ts';

/** For options that can be given several times, or once with several values. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, ...value.split(',').filter((part) => part !== '')];
}

export function collectStatus(value: string, earlier: readonly Status[] = []): Status[] {
  const words = value.split(',').map((word) => {
    const status = statusOfWord(word);
    if (status === undefined) {
      throw new InvalidArgumentError(
        `Found ${word}, expected one of ${STATUSES.join(', ')}, or a platform's word such as COMPLETED.`,
      );
    }
    return status;
  });
  return [...earlier, ...words];
}

export function positiveInteger(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('Expected a whole number from 1 on.');
  return number;
}

export function positiveNumber(value: string): number {
  const number = Number(value);
  if (!(number > 0) || !Number.isFinite(number)) throw new InvalidArgumentError('Expected a number above 0.');
  return number;
}

/** @returns canonical RFC 3339 of a time or a day. */
export function instantOption(value: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(value);
  const ms = /^\d{4}-\d{2}-\d{2}([T ].*)?$/.test(value) ? Date.parse(isDay ? `${value}T00:00:00Z` : value) : Number.NaN;
  if (Number.isNaN(ms))
    throw new InvalidArgumentError('Expected an RFC 3339 time such as 2026-11-20T13:00:00Z, or a day.');
  return new Date(ms).toISOString();
}

/** `30s`, `5m`, `1h` or seconds -> milliseconds. */
export function durationOption(value: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(value) ?? [];
  const ms = Number(amount) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? Number.NaN);
  if (!(ms > 0)) throw new InvalidArgumentError('Expected a duration such as 60s, 5m or 1h.');
  return ms;
}

/** `<source>/<id>`; the id may itself hold slashes. */
export function recordAddress(value: string): { source: string; id: string } {
  const slash = value.indexOf('/');
  if (slash < 1 || slash === value.length - 1) {
    throw new InvalidArgumentError('Expected <source>/<id>, as `fleetlens runs list` shows it.');
  }
  return { source: value.slice(0, slash), id: value.slice(slash + 1) };
}
