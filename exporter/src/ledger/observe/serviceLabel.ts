const SERVICES = new Set(['anthropic', 'openai', 'openrouter', 'e2b', 'trigger_dev', 'convex', 'other']);

/** The closed list of services that cost money; another one is `other`, and the record keeps its name. */
export function serviceLabel(service: string): string {
  return SERVICES.has(service) ? service : 'other';
}
