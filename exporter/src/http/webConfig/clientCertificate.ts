import { isIPv6, SocketAddress } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { TlsConfig } from './webConfigSchema.ts';

/** What of Node's own server options a policy needs. Node ends the handshake itself only where every client must verify. */
export function handshakeOptions({ client_auth_type: auth = 'NoClientCert' }: TlsConfig) {
  return { requestCert: auth !== 'NoClientCert', rejectUnauthorized: auth === 'RequireAndVerifyClientCert' };
}

/** @returns why a client may not stay, or undefined. For a socket whose handshake is done. */
export function refuseClient(socket: TLSSocket, tls: TlsConfig): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  const auth = tls.client_auth_type ?? 'NoClientCert';
  if (certificate === undefined) {
    return auth.startsWith('Require') ? 'the client sent no certificate' : undefined;
  }
  const mustVerify = auth === 'VerifyClientCertIfGiven' || auth === 'RequireAndVerifyClientCert';
  if (mustVerify && !socket.authorized) return `the client's certificate is not valid: ${socket.authorizationError}`;
  const allowed = tls.client_allowed_sans;
  if (allowed === undefined) return undefined;
  const names = alternativeNames(certificate.subjectAltName ?? '');
  if (names.some((name) => allowed.includes(name))) return undefined;
  return `none of the certificate's names (${names.join(', ')}) is in client_allowed_sans`;
}

/** Node prints `DNS:a, IP Address:::1, URI:"a, b"`: names with special characters are JSON strings. */
export function alternativeNames(text: string): string[] {
  const entries = text.matchAll(/(DNS|IP Address|URI|email):(?:("(?:[^"\\]|\\.)*")|([^,]*))/g);
  return [...entries].map(([, type, quoted, plain = '']) => {
    if (type === 'IP Address') return shortAddress(plain);
    return quoted === undefined ? plain : String(JSON.parse(quoted));
  });
}

/** Node prints IPv6 in full, Go (and so the exporter-toolkit's users) in short: `::1`. */
function shortAddress(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}
