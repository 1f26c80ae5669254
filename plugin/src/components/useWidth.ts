import { type RefCallback, useCallback, useRef, useState } from 'react';

/** @returns a ref for an element, and its width in pixels as it is and as it changes; 0 before it is laid out. */
export function useWidth<T extends HTMLElement>(): readonly [RefCallback<T>, number] {
  const [width, setWidth] = useState(0);
  const observer = useRef<ResizeObserver | undefined>(undefined);
  const ref = useCallback((element: T | null) => {
    observer.current?.disconnect();
    if (element === null) return;
    setWidth(element.offsetWidth);
    observer.current = new ResizeObserver(() => setWidth(element.offsetWidth));
    observer.current.observe(element);
  }, []);
  return [ref, width];
}
