import { BlockList, isIP } from 'node:net';
import { hostname } from 'node:os';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
// A socket that listens on :: sees IPv4 peers so.
loopback.addSubnet('::ffff:127.0.0.0', 104, 'ipv6');

/** @returns whether `address` is this machine's own. */
export function isLoopback(address: string | undefined): boolean {
  const family = isIP(address ?? '');
  return address !== undefined && family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Whether a Host header names this machine. A web page from elsewhere whose own name was made to resolve to 127.0.0.1
 * (DNS rebinding) comes from a loopback peer too, but carries its own name here.
 */
export function isOwnHost(header: string | undefined, externalUrl: string | undefined): boolean {
  if (header === undefined) return true;
  const name = header
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true;
  return name === hostname().toLowerCase() || (externalUrl !== undefined && new URL(externalUrl).hostname === name);
}
