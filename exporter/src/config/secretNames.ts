/**
 * Keys that may be read from a file, as `<key>_file`: database_url_file, password_file, token_file, api_key_file, ….
 * Certificates are files anyway (`cert_file`, `key_file`, `ca_file`) and keep their name.
 */
const SECRET_FILE_KEY = /^((?:.*_)?(?:url|token|password|secret|dsn|api_key|deploy_key|access_key))_file$/;
const SECRET_KEY =
  /(?:^|_)(?:token|password|passphrase|secret|api_key|deploy_key|access_key|private_key|dsn|basic_auth_users)$/;

/** @returns the key that `key` gives the file of (`token_file` -> `token`), or undefined where it is no such key. */
export function secretOfFileKey(key: string): string | undefined {
  return SECRET_FILE_KEY.exec(key)?.[1];
}

/** @returns whether the value of `key` must never be shown. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

/** @returns `url` with its user's password and secret parameters replaced; any other text unchanged. */
export function hideUrlCredentials(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^:@/?#]*):.*@/i, '$1:***@')
    .replace(/([?&](?:password|token|secret|api_key|sslpassword)=)[^&#]*/gi, '$1***');
}
