import { locationUtil, type NavModelItem } from '@grafana/data';

/** A page of the menu: by its address Grafana knows it for the one there, and does not name it twice in the breadcrumbs. */
export function menuPage(text: string, path: string): NavModelItem {
  return { text, url: locationUtil.assureBaseUrl(path) };
}
