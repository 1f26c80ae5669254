import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Logger } from 'pino';

/** Larger than any start or crash writes; the file is emptied once this much has been passed on. */
const LARGEST_FILE = 8 * 1024 * 1024;
const POLL_MS = 200;
const KEPT_LINES = 30;

/**
 * The server writes its messages to a file and the exporter passes them on from there. Not a pipe: a pipe breaks when the exporter is
 * killed (the adopted server would be mute from then on), and a full one stops every backend that logs.
 */
export class ServerLog {
  readonly #log: Logger;
  readonly #file: FileHandle;
  readonly #timer: NodeJS.Timeout;
  #offset: number;
  #partial = '';
  #severity = 'LOG';
  #recent: string[] = [];
  #reading: Promise<void> = Promise.resolve();

  private constructor(log: Logger, file: FileHandle, offset: number) {
    this.#log = log;
    this.#file = file;
    this.#offset = offset;
    this.#timer = setInterval(() => {
      void this.flush().catch((error: unknown) => log.error({ err: error }, "cannot read the embedded Postgres's log"));
    }, POLL_MS);
    this.#timer.unref();
  }

  /** Begins at the end of what earlier runs left. O_APPEND, so that emptying the file leaves the server's descriptor in order. */
  static async open(file: string, log: Logger): Promise<ServerLog> {
    const handle = await open(file, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
    let { size } = await handle.stat();
    if (size > LARGEST_FILE) {
      await handle.truncate(0);
      size = 0;
    }
    return new ServerLog(log, handle, size);
  }

  /** for the server's stdout and stderr */
  get descriptor(): number {
    return this.#file.fd;
  }

  /** The last lines, for the message of an error. */
  recent(): string {
    return this.#recent.join('\n');
  }

  /** Forgets the recent lines: what follows belongs to a new start. */
  begin(): void {
    this.#recent = [];
  }

  /** Passes on what has been written so far. */
  flush(): Promise<void> {
    const next = this.#reading.then(() => this.#read());
    // A failed read is reported to its caller and must not fail every later one.
    this.#reading = next.catch(() => undefined);
    return next;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
    await this.#file.close();
  }

  async #read(): Promise<void> {
    const buffer = Buffer.alloc(64 * 1024);
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#offset);
      if (bytesRead === 0) break;
      this.#offset += bytesRead;
      // latin1 keeps a character that was split between two reads in pieces of the same bytes; decoded per line below.
      const lines = (this.#partial + buffer.toString('latin1', 0, bytesRead)).split('\n');
      this.#partial = lines.pop() ?? '';
      for (const line of lines) this.#pass(Buffer.from(line, 'latin1').toString('utf8'));
    }
    if (this.#offset > LARGEST_FILE) {
      await this.#file.truncate(0);
      this.#offset = 0;
    }
  }

  #pass(line: string): void {
    if (line.trim() === '') return;
    this.#recent.push(line);
    if (this.#recent.length > KEPT_LINES) this.#recent.shift();
    const message = /^\[(\d+)\] ([A-Z]+\d?): {2}(.*)$/.exec(line);
    const word = message?.[2];
    // DETAIL, HINT, CONTEXT and STATEMENT belong to the message before them, as does a line without a severity.
    if (word !== undefined && !/^(DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION|BACKTRACE)$/.test(word))
      this.#severity = word;
    const fields = { postgres: { pid: message?.[1] === undefined ? undefined : Number(message[1]), severity: word } };
    const warn = /^(WARNING|ERROR|FATAL|PANIC)$/.test(this.#severity);
    this.#log[warn ? 'warn' : 'debug'](fields, message?.[3] ?? line);
  }
}
