import { useEffect, useState } from 'react';

const TICK_MS = 1_000;

/** @returns the time, which goes on while `isTicking`. */
export function useNow(isTicking: boolean): number {
  const [nowMs, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isTicking) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [isTicking]);
  return nowMs;
}
