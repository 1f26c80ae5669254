/** Where the HTTP server listens. An absent host means every interface. */
export interface ListenAddress {
  readonly host?: string;
  readonly port: number;
}

const IPV6 = /^\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]:(\d{1,5})$/;
const HOST = /^([^\s:/[\]]*):(\d{1,5})$/;

/**
 * Reads `host:port`, `:9960` (every interface) or `[::1]:9960`; port 0 takes a free one.
 * @returns undefined where the text is no such address.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = IPV6.exec(text) ?? HOST.exec(text);
  const port = Number(match?.[2] ?? Number.NaN);
  if (match === null || !(port <= 65_535)) return undefined;
  const host = match[1] ?? '';
  return host === '' ? { port } : { host, port };
}

/** @returns the address as it is written in the configuration. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host?.includes(':') ? `[${host}]:${port}` : `${host ?? ''}:${port}`;
}
