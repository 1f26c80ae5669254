const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** `4m 12s`, `2h 3m`: the two largest units. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))}s`;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** @returns seconds between two RFC 3339 times; undefined where one is unknown. */
export function secondsFromTo(from: string | undefined, to: string | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}

/** `5m ago`, and the date where that says more. */
export function formatAgo(at: string | undefined, nowMs: number): string {
  if (at === undefined) return '';
  const seconds = (nowMs - Date.parse(at)) / 1000;
  if (seconds < 0) return 'just now';
  if (seconds > 30 * 86_400) return at.slice(0, 10);
  return `${formatSeconds(seconds).split(' ')[0]} ago`;
}

export function formatUsd(usd: number | undefined): string {
  if (usd === undefined) return '';
  return `$${usd.toFixed(usd !== 0 && usd < 0.01 ? 4 : 2)}`;
}

/** `1.2M`: token counts. */
export function formatCount(count: number | undefined): string {
  if (count === undefined) return '';
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(count);
}
