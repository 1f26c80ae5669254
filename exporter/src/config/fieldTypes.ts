import { isIP } from 'node:net';
import { z } from 'zod';
import { isTimeZone } from '../contract/fields.ts';
import { parseByteSize } from './byteSize.ts';
import { parseDuration } from './duration.ts';
import { parseListenAddress } from './listenAddress.ts';
import { named } from './namedTexts.ts';

/** `15s`, `5m`, `24h`, `35d` in, milliseconds out. */
export const durationMs = z.union([z.string(), z.literal(0)]).transform((text, context) => {
  const ms = parseDuration(String(text));
  if (ms !== undefined) return ms;
  return refuse(context, text, 'a duration such as 15s, 5m, 24h or 35d');
});

/** A duration above zero, milliseconds out. */
export const positiveDurationMs = durationMs.refine((ms) => ms > 0, { error: 'expected a duration above 0' });

/** `64MiB`, `10MB` or whole bytes in, bytes out. */
export const byteSize = z.union([z.string(), z.number()]).transform((value, context) => {
  const bytes = parseByteSize(String(value));
  if (bytes !== undefined && bytes > 0) return bytes;
  return refuse(context, value, 'a size above 0 such as 64MiB, 10MB or 4096');
});

/** `host:port`, `:port` or `[ipv6]:port` in. */
export const listenAddress = z.string().transform((text, context) => {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  return refuse(context, text, 'an address such as 127.0.0.1:9960, :9960 or [::1]:9960');
});

/** An address or a network, `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`. */
export const networkAddress = z
  .string()
  .refine(isNetworkAddress, { error: 'expected an address or a network such as 10.0.0.7, 10.0.0.0/8 or fd00::/8' });

function isNetworkAddress(text: string): boolean {
  const [address = '', bits] = text.split('/', 2);
  const family = isIP(address);
  if (family === 0 || text.split('/').length > 2) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** A positive whole number. */
export const positiveInteger = z.int().positive();

/** A file or directory; a relative one is relative to the directory of the configuration file. */
export const filePath = z.string().min(1).register(named, { what: 'file' });

/** The name of another source, which has to be configured. */
export const sourceName = z
  .string()
  .regex(/^[a-zA-Z0-9_.-]{1,64}$/, { error: 'expected the name of another source' })
  .register(named, { what: 'source' });

/** An IANA time zone that this Node.js knows. */
export const timeZone = z
  .string()
  .refine(isTimeZone, { error: 'expected an IANA time zone such as Europe/Berlin or UTC' });

function refuse(context: z.core.$RefinementCtx, input: unknown, expected: string): never {
  context.issues.push({ code: 'custom', input, message: `expected ${expected}` });
  return z.NEVER;
}
