import { constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { SourceError } from '../source.ts';

/** A path that data named and that is not followed: it could lead out of the root, or to something that is no plain file. */
export class RefusedPath extends Error {
  override readonly name = 'RefusedPath';
}

export interface FileFacts {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly isDirectory: boolean;
  /** Device and inode: the same file under any name. */
  readonly inode: string;
}

export interface FileContent extends FileFacts {
  readonly content: Buffer;
}

/** A plain name: no separator, no way up, nothing that some layer might decode or cut off. */
const PLAIN_NAME = /^[^/\\%\p{Cc}]{1,255}$/u;

export function isPlainName(name: string): boolean {
  return PLAIN_NAME.test(name) && name !== '.' && name !== '..' && name.isWellFormed();
}

// O_NONBLOCK: opening a named pipe without a writer would wait for ever. Windows has neither flag, and no such files.
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = constants;

/**
 * Read access to the files below one directory. Every component of a path is opened by itself, relative to the one before and
 * without following links, so that no name, link or exchange of a directory in between leads out of the root. Only regular
 * files are read, each up to a limit.
 */
export class RootedFiles {
  readonly #root: FileHandle;
  readonly #path: string;
  /** /proc/self/fd/<n>/<name> is what openat(2) would open; elsewhere paths are checked before and after. */
  readonly #hasProc: boolean;

  private constructor(root: FileHandle, path: string, hasProc: boolean) {
    this.#root = root;
    this.#path = path;
    this.#hasProc = hasProc;
  }

  /**
   * @param path the configured root; the operator's word, so it may itself be a link.
   * @throws SourceError where it is no directory that can be read.
   */
  static async open(path: string): Promise<RootedFiles> {
    try {
      const real = await realpath(path);
      const root = await open(real, O_RDONLY | O_DIRECTORY);
      const hasProc = await readlink(`/proc/self/fd/${root.fd}`).then(
        (target) => target === real,
        () => false,
      );
      return new RootedFiles(root, real, hasProc);
    } catch (cause) {
      const code = codeOf(cause);
      const remedy = code === 'EACCES' || code === 'EPERM' ? 'let this user read it' : 'check the path and its mount';
      throw new SourceError(`${path}: found ${code ?? String(cause)}, expected a directory; ${remedy}`, {
        result: code === 'EACCES' || code === 'EPERM' ? 'auth' : 'other',
        cause,
      });
    }
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  /**
   * @returns the plain names in a directory, at most `max`, in no order; undefined where there is no such directory.
   * @throws RefusedPath
   */
  async list(directory: readonly string[], max: number): Promise<{ names: string[]; complete: boolean } | undefined> {
    return this.#within(directory, async (handle, path) => {
      const names: string[] = [];
      for await (const entry of await opendir(this.#at(handle, path), { bufferSize: 1_024 })) {
        if (names.length === max) return { names, complete: false };
        if (isPlainName(entry.name)) names.push(entry.name);
      }
      return { names, complete: true };
    });
  }

  /**
   * @returns undefined where there is no such file or directory.
   * @throws RefusedPath where it is a link, a pipe, a device or a socket.
   */
  async facts(path: readonly string[]): Promise<FileFacts | undefined> {
    if (path.length === 0) return factsOf(await this.#root.stat());
    const [directory, name] = split(path);
    return this.#within(directory, (handle, at) => this.#look(handle, at, name));
  }

  /**
   * Reads a regular file. A larger one than `maxBytes` gives its facts with an empty content.
   * @returns undefined where there is no such file.
   * @throws RefusedPath
   */
  async read(path: readonly string[], maxBytes: number): Promise<FileContent | undefined> {
    return this.readRange(path, 0, maxBytes, { whole: true });
  }

  /** Reads at most `maxBytes` from an offset; `whole`: nothing where the file is larger. @throws RefusedPath */
  async readRange(
    path: readonly string[],
    offset: number,
    maxBytes: number,
    { whole = false } = {},
  ): Promise<FileContent | undefined> {
    const [directory, name] = split(path);
    return this.#within(directory, async (handle, at) => {
      const seen = await this.#look(handle, at, name);
      if (seen === undefined) return undefined;
      if (seen.isDirectory) throw new RefusedPath(`${path.join('/')}: found a directory, expected a file`);
      const file = await openOrNothing(join(this.#at(handle, at), name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if (file === undefined) return undefined;
      try {
        const facts = factsOf(await file.stat(), path);
        await this.#insist(file, [...directory, name]);
        if (whole && facts.bytes > maxBytes) return { ...facts, content: Buffer.alloc(0) };
        return { ...facts, content: await readUpTo(file, offset, maxBytes) };
      } finally {
        await file.close();
      }
    });
  }

  async #within<T>(
    directory: readonly string[],
    work: (handle: FileHandle, path: readonly string[]) => Promise<T>,
  ): Promise<T | undefined> {
    let handle = this.#root;
    const opened: FileHandle[] = [];
    try {
      for (const [depth, name] of directory.entries()) {
        const above = directory.slice(0, depth);
        const seen = await this.#look(handle, above, name);
        if (seen === undefined) return undefined;
        const path = directory.slice(0, depth + 1);
        if (!seen.isDirectory) throw new RefusedPath(`${path.join('/')}: found a file, expected a directory`);
        const next = await openOrNothing(
          join(this.#at(handle, above), name),
          O_RDONLY | O_NOFOLLOW | O_DIRECTORY | O_NONBLOCK,
        );
        if (next === undefined) return undefined;
        opened.push(next);
        await this.#insist(next, path);
        handle = next;
      }
      return await work(handle, directory);
    } finally {
      for (const each of opened.reverse()) await each.close();
    }
  }

  async #look(handle: FileHandle, directory: readonly string[], name: string): Promise<FileFacts | undefined> {
    const path = [...directory, name];
    if (!isPlainName(name)) throw new RefusedPath(`found ${JSON.stringify(name)}, expected the plain name of a file`);
    try {
      return factsOf(await lstat(join(this.#at(handle, directory), name)), path);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Where paths are opened by name, one component could have been exchanged between the look and the opening. */
  async #insist(opened: FileHandle, path: readonly string[]): Promise<void> {
    const expected = join(this.#path, ...path);
    const found = this.#hasProc ? await readlink(`/proc/self/fd/${opened.fd}`) : await realpath(expected);
    if (found !== expected) throw new RefusedPath(`${path.join('/')}: leads to ${found}, expected ${expected}`);
    if (this.#hasProc) return;
    const [there, here] = [await lstat(expected), await opened.stat()];
    if (there.ino !== here.ino || there.dev !== here.dev)
      throw new RefusedPath(`${path.join('/')}: was exchanged while it was opened`);
  }

  #at(handle: FileHandle, directory: readonly string[]): string {
    return this.#hasProc ? `/proc/self/fd/${handle.fd}` : join(this.#path, ...directory);
  }
}

function split(path: readonly string[]): [string[], string] {
  const name = path.at(-1);
  if (name === undefined) throw new RefusedPath('found no path, expected the name of a file');
  return [path.slice(0, -1), name];
}

function factsOf(
  stats: {
    size: number;
    mtimeMs: number;
    ino: number;
    dev: number;
    isFile(): boolean;
    isDirectory(): boolean;
    isSymbolicLink(): boolean;
  },
  path: readonly string[] = [],
): FileFacts {
  const isDirectory = stats.isDirectory();
  if (!isDirectory && !stats.isFile()) {
    const found = stats.isSymbolicLink() ? 'a symbolic link' : 'a pipe, socket or device';
    throw new RefusedPath(`${path.join('/')}: found ${found}, expected a regular file or a directory`);
  }
  return { bytes: stats.size, modifiedMs: stats.mtimeMs, isDirectory, inode: `${stats.dev}:${stats.ino}` };
}

async function openOrNothing(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    const code = codeOf(error);
    if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'EMLINK' || code === 'ENXIO')
      throw new RefusedPath(`became a link or a pipe while it was opened (${code})`, { cause: error });
    throw error;
  }
}

const CHUNK = 256 * 1024;

/** The size that a file tells is no bound: it can grow while it is read. */
async function readUpTo(file: FileHandle, offset: number, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < maxBytes) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK, maxBytes - length));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, offset + length);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}
