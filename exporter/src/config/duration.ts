const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

/** Prometheus' own form: units from large to small, each at most once, whole numbers. */
const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const ORDER = ['y', 'w', 'd', 'h', 'm', 's', 'ms'] as const;

/**
 * Reads a duration as Prometheus writes it: `15s`, `5m`, `1h30m`, `35d`; a bare `0` is zero.
 * @returns milliseconds, or undefined where the text is no duration.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = DURATION.exec(text);
  if (text === '' || match === null) return undefined;
  let total = 0;
  for (const [index, unit] of ORDER.entries()) total += Number(match[index + 1] ?? 0) * (UNIT_MS[unit] ?? 0);
  return Number.isSafeInteger(total) ? total : undefined;
}

/** @returns milliseconds as the shortest text that {@link parseDuration} reads back: `90000` -> `1m30s`. Years and weeks stay days. */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const size = UNIT_MS[unit] ?? 1;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0' : text;
}
