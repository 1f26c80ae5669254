/**
 * Money is kept by quarter of an hour: days and months of every time zone begin at one, so that a budget can be set, or its
 * time zone changed, in the middle of a window.
 */
export const SLOT_MS = 15 * 60_000;

/** @returns the quarter of an hour since 1970 that holds the moment. */
export function slotAt(ms: number): number {
  return Math.floor(ms / SLOT_MS);
}

export function slotTime(slot: number): string {
  return new Date(slot * SLOT_MS).toISOString();
}
