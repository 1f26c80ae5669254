import { css } from '@emotion/css';
import type { ReactNode } from 'react';

/** For screen readers alone. */
export function VisuallyHidden({ children }: { children: ReactNode }) {
  return <div className={hidden}>{children}</div>;
}

const hidden = css({
  position: 'absolute',
  width: 1,
  height: 1,
  margin: -1,
  overflow: 'hidden',
  clipPath: 'inset(50%)',
  whiteSpace: 'nowrap',
});
