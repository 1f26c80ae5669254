/**
 * Whether a family is exposed under the lists of the configuration (`metrics.allow`, `metrics.deny`). An allow list chooses
 * among the `fleet_*` families: what the exporter and its process say of themselves stays, so that a short list does not
 * blind whoever watches the exporter. A deny list takes out whatever it names.
 */
export function allowsFamily(
  { allow, deny }: { readonly allow: readonly string[]; readonly deny: readonly string[] },
  family: string,
): boolean {
  if (deny.includes(family)) return false;
  return allow.length === 0 || allow.includes(family) || !family.startsWith('fleet_');
}
