/** One way to write each figure, everywhere. Undefined is unknown and stays visible as such: never 0. */
export const UNKNOWN = '–';

/** Seconds -> `850 ms`, `12.4 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`. */
export function formatDuration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return UNKNOWN;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const [days, hours] = [Math.floor(whole / 86_400), Math.floor((whole % 86_400) / 3_600)];
  const [minutes, rest] = [Math.floor((whole % 3_600) / 60), whole % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${String(rest).padStart(2, '0')} s`;
}

/** USD; small amounts with as many digits as they need to be told from nothing. */
export function formatUsd(amount: number | undefined): string {
  if (amount === undefined) return UNKNOWN;
  const digits = amount !== 0 && Math.abs(amount) < 0.1 ? 4 : 2;
  return `$${amount.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export function formatCount(count: number | undefined): string {
  return count === undefined ? UNKNOWN : count.toLocaleString('en-US');
}

/** 0 to 1 -> `87 %`. */
export function formatShare(share: number | undefined): string {
  return share === undefined ? UNKNOWN : `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** 0 to 100 -> `87`, `86.5`. */
export function formatScore(score: number | undefined): string {
  return score === undefined ? UNKNOWN : String(Math.round(score * 10) / 10);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return UNKNOWN;
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`;
}

/** @returns seconds between two instants, the second one now where it is missing and the first is known. */
export function secondsBetween(
  from: string | undefined,
  to: string | undefined,
  nowMs = Date.now(),
): number | undefined {
  if (from === undefined) return undefined;
  return Math.max(0, ((to === undefined ? nowMs : Date.parse(to)) - Date.parse(from)) / 1000);
}
