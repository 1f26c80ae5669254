import { VisuallyHidden } from './VisuallyHidden';

/** Names a picker that shows no label, by `aria-labelledby`: Grafana 12's pickers know no `aria-label`. */
export function HiddenLabel({ id, children }: { id: string; children: string }) {
  return (
    <VisuallyHidden>
      <span id={id}>{children}</span>
    </VisuallyHidden>
  );
}
