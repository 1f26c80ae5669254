import { createHash } from 'node:crypto';
import type { RootedFiles } from './rootedFiles.ts';

/** Where a file has been read to. `inode` and `head` tell it from another file of the same name, and find it under a new name. */
export interface FilePlace {
  readonly name: string;
  readonly inode: string;
  /** Digest of its first bytes, up to {@link HEAD_BYTES}; `headBytes`: of how many. */
  readonly head: string;
  readonly headBytes: number;
  /** Digest of its first line (its first {@link HEAD_BYTES} where that is longer): stays as the file grows. */
  readonly identity: string;
  /** Behind the last line that was read. */
  readonly offset: number;
  /** Grows when the file is emptied and written anew. */
  readonly generation: number;
  /** The line at `offset` is too long: what follows is passed over up to its end. */
  readonly skipping?: boolean | undefined;
}

export interface Line {
  readonly text: string;
  /** Of its first byte. */
  readonly offset: number;
}

export interface LinesRead {
  readonly lines: readonly Line[];
  readonly place: FilePlace;
  /** There is more than was asked for. */
  readonly more: boolean;
}

export const HEAD_BYTES = 512;
const NEWLINE = 0x0a;

export function digestHead(bytes: Buffer): string {
  return createHash('sha1').update(bytes.subarray(0, HEAD_BYTES)).digest('hex').slice(0, 16);
}

function firstLine(head: Buffer): Buffer {
  const end = head.indexOf(NEWLINE);
  return end === -1 ? head : head.subarray(0, end);
}

/** @returns the place to go on from: the known one, or the beginning where the file is another one or was emptied. */
export async function placeIn(
  files: RootedFiles,
  name: string,
  inode: string,
  bytes: number,
  known: FilePlace | undefined,
): Promise<FilePlace | undefined> {
  const head = (await files.readRange([name], 0, HEAD_BYTES))?.content;
  if (head === undefined) return undefined;
  const anew = (generation: number): FilePlace => ({
    name,
    inode,
    head: digestHead(head),
    headBytes: head.length,
    identity: digestHead(firstLine(head)),
    offset: 0,
    generation,
  });
  if (known === undefined) return anew(0);
  const isSame = bytes >= known.offset && digestHead(head.subarray(0, known.headBytes)) === known.head;
  if (!isSame) return anew(known.generation + 1);
  // The head of a young file grows until it is complete.
  return {
    ...known,
    name,
    head: digestHead(head),
    headBytes: head.length,
    identity: known.offset === 0 ? digestHead(firstLine(head)) : known.identity,
  };
}

/**
 * Reads whole lines from a place, at most `maxBytes`; a last line without its end waits for it.
 * @param maxLineBytes a longer line is passed over, and `onTooLong` is told where it begins.
 */
export async function readLines(
  files: RootedFiles,
  place: FilePlace,
  { maxBytes, maxLineBytes, onTooLong }: { maxBytes: number; maxLineBytes: number; onTooLong(offset: number): void },
): Promise<LinesRead> {
  const range = await files.readRange([place.name], place.offset, Math.max(maxBytes, maxLineBytes + 1));
  // Renamed and replaced since it was looked at: the next look finds both.
  const content = range === undefined || range.inode !== place.inode ? Buffer.alloc(0) : range.content;
  const lines: Line[] = [];
  let from = 0;
  let skipping = place.skipping === true;
  for (let end = content.indexOf(NEWLINE); end !== -1; end = content.indexOf(NEWLINE, from)) {
    const offset = place.offset + from;
    if (skipping) skipping = false;
    else if (end - from > maxLineBytes) onTooLong(offset);
    else {
      const to = end > from && content[end - 1] === 0x0d ? end - 1 : end;
      if (to > from) lines.push({ text: content.toString('utf8', from, to), offset });
    }
    from = end + 1;
  }
  // No end of line within the longest that one may be.
  if (content.length - from > maxLineBytes || (skipping && content.length > from)) {
    if (!skipping) onTooLong(place.offset + from);
    skipping = true;
    from = content.length;
  }
  const { skipping: _was, ...rest } = place;
  const offset = place.offset + from;
  return {
    lines,
    place: { ...rest, offset, ...(skipping && { skipping }) },
    more: from > 0 && range !== undefined && range.bytes > place.offset + content.length,
  };
}
