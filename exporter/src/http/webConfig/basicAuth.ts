import { createHash, randomBytes } from 'node:crypto';
import bcrypt from 'bcrypt';

/** How many answers are remembered, as in the exporter-toolkit. */
const CACHE_SIZE = 100;
/** Comparisons that may wait for their turn; more is a flood. */
const MAX_WAITING = 50;

/** Too many passwords wait to be compared. */
export class BasicAuthBusy extends Error {
  override readonly name = 'BasicAuthBusy';
}

/**
 * Checks user names and passwords against bcrypt hashes. A comparison costs up to 100 ms of CPU by design, so it runs off
 * the event loop, one at a time, and its answer is remembered: a scrape every 15 s costs one comparison, not one each.
 */
export class BasicAuth {
  readonly #answers = new Map<string, boolean>();
  /** Makes remembered keys useless outside of this process. */
  readonly #salt = randomBytes(16);
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /**
   * @param authorization the header.
   * @param users name to bcrypt hash.
   * @returns the user's name, or undefined where the header names none or the password is wrong.
   * @throws BasicAuthBusy
   */
  async identify(
    authorization: string | undefined,
    users: Readonly<Record<string, string>>,
  ): Promise<string | undefined> {
    const credentials = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization ?? '')?.[1];
    if (credentials === undefined) return undefined;
    const decoded = Buffer.from(credentials, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    if (colon < 0) return undefined;
    const [name, password] = [decoded.slice(0, colon), decoded.slice(colon + 1)];
    const known = Object.hasOwn(users, name) ? users[name] : undefined;
    const key = createHash('sha256')
      .update(this.#salt)
      .update(JSON.stringify([name, known ?? null, password]))
      .digest('base64');
    const remembered = this.#answers.get(key);
    const matches = remembered ?? (await this.#compare(password, known ?? costlyNobody(users)));
    if (remembered === undefined) this.#remember(key, matches && known !== undefined);
    return matches && known !== undefined ? name : undefined;
  }

  async #compare(password: string, hash: string): Promise<boolean> {
    if (this.#waiting >= MAX_WAITING) throw new BasicAuthBusy('too many passwords wait to be checked; try again later');
    this.#waiting += 1;
    const turn = this.#queue.then(() => bcrypt.compare(password, hash.replace(/^\$2y/, '$2b')));
    this.#queue = turn.catch(() => undefined); // the caller sees the error; the next in the queue has nothing to do with it
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  #remember(key: string, answer: boolean): void {
    const [oldest] = this.#answers.keys();
    if (this.#answers.size >= CACHE_SIZE && oldest !== undefined) this.#answers.delete(oldest);
    this.#answers.set(key, answer);
  }
}

/** A hash that no password has, as costly as the users' own, so that the time of an answer does not tell who exists. */
function costlyNobody(users: Readonly<Record<string, string>>): string {
  const cost = Object.values(users)[0]?.slice(4, 6) ?? '10';
  return `$2b$${cost}$${'.'.repeat(53)}`;
}
