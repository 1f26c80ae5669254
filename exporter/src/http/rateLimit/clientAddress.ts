import { isIP, isIPv4 } from 'node:net';

/**
 * What the limits count as one client: an IPv4 address (also one that a dual-stack socket shows as `::ffff:…`), or the /64 of an IPv6
 * address, since one subscriber has at least that many addresses.
 * @param address as a socket has it, or as a proxy wrote it (with a port, in brackets).
 * @returns undefined where it is no address.
 */
export function clientOf(address: string): string | undefined {
  if (isIPv4(address)) return address;
  // Of nearly every peer of a dual-stack socket.
  if (address.startsWith('::ffff:') && isIPv4(address.slice(7))) return address.slice(7);
  const bare = withoutPort(address);
  if (isIPv4(bare)) return bare;
  return isIP(bare) === 6 ? networkOf(bare) : undefined;
}

function withoutPort(address: string): string {
  return /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address;
}

function networkOf(address: string): string {
  const groups = groupsOf(address);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.');
  }
  const prefix = groups.slice(0, 4).map((group) => group.toString(16));
  return `${prefix.join(':')}::/64`;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [withoutZone = ''] = address.split('%', 1);
  const [head, tail] = withoutZone.split('::', 2).map(groupsIn);
  if (head === undefined || tail === undefined) return head ?? [];
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function groupsIn(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
