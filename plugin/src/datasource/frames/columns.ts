import { CHAIN_STATUSES, SANDBOX_STATUSES, STATUSES } from '@contract/status.ts';
import type { DataLink, FieldConfig } from '@grafana/data';
import { APP_PATH } from '../../constants';
import { statusMappings } from '../../status/statusStyle';

/** Statuses with the labels and colours that they have everywhere; the cell's tooltip is the source's own word, beside it. */
const mapped = (statuses: Parameters<typeof statusMappings>[0]): FieldConfig => ({
  mappings: statusMappings(statuses),
  custom: { cellOptions: { type: 'color-text' } },
});
export const RUN_STATUS = mapped(STATUSES);
export const CHAIN_STATUS = mapped(CHAIN_STATUSES);
export const SANDBOX_STATUS = mapped(SANDBOX_STATUSES);

/** A link to a page of the app, by the row's `source` and the given field. The dashboard's time range goes with it. */
function pageLink(title: string, page: string, field: string): DataLink {
  const place = `source=\${__data.fields.source:percentencode}&id=\${__data.fields.${field}:percentencode}`;
  return { title, url: `${APP_PATH}/${page}?${place}` };
}
export const RUN_LINK: FieldConfig = { links: [pageLink('Open the run', 'run', 'run')] };
export const CHAIN_LINK: FieldConfig = { links: [pageLink('Open the chain', 'chain', 'chain')] };
export const SANDBOX_LINK: FieldConfig = { links: [pageLink('Open the sandbox', 'sandbox', 'sandbox')] };
/** The value is an address that {@link safeHref} let through. */
export const VALUE_LINK: FieldConfig = {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
  links: [{ title: 'Open', url: '${__value.raw}', targetBlank: true }],
};
export const SCORE: FieldConfig = { min: 0, max: 100, decimals: 0 };
