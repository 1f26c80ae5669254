import { type FileFacts, RefusedPath, type RootedFiles } from '../../files/rootedFiles.ts';
import { isObject, type JsonObject } from '../../rows/textValues.ts';
import { countDiff, type DiffCounts } from './countDiff.ts';

/** What a run that succeeded leaves, in the order of the platform's document; a failed one leaves at least the first two. */
export const EXPECTED_ARTIFACTS = [
  'payload.json',
  'run.json',
  'agent-run/prompt.txt',
  'agent-run/diff.patch',
  'agent-run/files_changed.json',
  'agent-run/pr_comment.txt',
  'agent-run/summary.md',
  'agent-run/commit_sha.txt',
] as const;
export type ArtifactName = (typeof EXPECTED_ARTIFACTS)[number];

export interface ArtifactLimits {
  /** A larger file is listed, not read. */
  readonly maxFileBytes: number;
}

/** What the directory of one run holds. A part that is absent was not there, or `problems` says why it could not be read. */
export interface RunArtifacts {
  readonly directory: string;
  readonly files: readonly { readonly name: string; readonly path: string; readonly bytes: number }[];
  readonly run?: JsonObject;
  readonly payload?: JsonObject;
  readonly prompt?: string;
  readonly diff?: DiffCounts;
  readonly diffText?: string;
  readonly filesChanged?: readonly unknown[];
  readonly prComment?: string;
  readonly summary?: string;
  readonly commitSha?: string;
  readonly problems: readonly string[];
}

const MAX_ENTRIES = 200;
const MAX_DEPTH = 3;
const MAX_REMEMBERED = 500;
const COMMIT = /^[0-9a-f]{7,64}$/i;

/** Reads the directories of runs; one that is looked at again unchanged is not read again. */
export class ArtifactReader {
  readonly #limits: ArtifactLimits;
  readonly #remembered = new Map<string, { signature: string; artifacts: RunArtifacts }>();

  constructor(limits: ArtifactLimits) {
    this.#limits = limits;
  }

  /**
   * @returns undefined where there is no such directory.
   * @throws RefusedPath where it is a link; the system's error where this user may not read it.
   */
  async read(root: RootedFiles, directory: string): Promise<RunArtifacts | undefined> {
    const listing = await listFiles(root, directory);
    if (listing === undefined) return undefined;
    const signature = JSON.stringify([...listing.files, listing.problems]);
    const known = this.#remembered.get(directory);
    if (known?.signature === signature) return known.artifacts;
    const artifacts = await this.#readFiles(root, directory, listing);
    this.#remembered.delete(directory);
    this.#remembered.set(directory, { signature, artifacts });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    return artifacts;
  }

  /** run.json alone: which run a directory belongs to. */
  async readRunJson(root: RootedFiles, directory: string): Promise<JsonObject | undefined> {
    try {
      const file = await root.read([directory, 'run.json'], this.#limits.maxFileBytes);
      const value = file === undefined ? undefined : parseJson(file.content.toString('utf8'));
      return isObject(value) ? value : undefined;
    } catch (error) {
      if (error instanceof RefusedPath) return undefined;
      throw error;
    }
  }

  async #readFiles(root: RootedFiles, directory: string, { files, problems: listed }: Listing): Promise<RunArtifacts> {
    const problems = [...listed];
    const text = async (name: ArtifactName): Promise<string | undefined> => {
      const facts = files.get(name);
      if (facts === undefined) return undefined;
      if (facts.bytes > this.#limits.maxFileBytes) {
        problems.push(`${name}: found ${facts.bytes} bytes, read are at most ${this.#limits.maxFileBytes}`);
        return undefined;
      }
      try {
        const file = await root.read([directory, ...name.split('/')], this.#limits.maxFileBytes);
        // It grew beyond the limit since it was listed: the next look says so.
        if (file === undefined || file.bytes > this.#limits.maxFileBytes) return undefined;
        return file.content.toString('utf8');
      } catch (error) {
        problems.push(`${name}: ${problemOf(error)}`);
        return undefined;
      }
    };
    const json = async (name: ArtifactName): Promise<unknown> => {
      const content = await text(name);
      if (content === undefined) return undefined;
      const value = parseJson(content);
      if (value === undefined) problems.push(`${name}: found no JSON (${content.length} characters)`);
      return value;
    };
    const run = await json('run.json');
    const payload = await json('payload.json');
    const filesChanged = await json('agent-run/files_changed.json');
    const diff = await text('agent-run/diff.patch');
    const commit = (await text('agent-run/commit_sha.txt'))?.trim();
    if (commit !== undefined && !COMMIT.test(commit))
      problems.push('agent-run/commit_sha.txt: found no commit hash in it');
    return {
      directory,
      files: [...files].map(([name, { bytes }]) => ({ name, path: `${directory}/${name}`, bytes })),
      ...(isObject(run) && { run }),
      ...(isObject(payload) && { payload }),
      ...optional('prompt', await text('agent-run/prompt.txt')),
      ...(diff !== undefined && { diff: countDiff(diff), diffText: diff }),
      ...(Array.isArray(filesChanged) && { filesChanged }),
      ...optional('prComment', await text('agent-run/pr_comment.txt')),
      ...optional('summary', await text('agent-run/summary.md')),
      ...(commit !== undefined && COMMIT.test(commit) && { commitSha: commit }),
      problems,
    };
  }
}

function optional<K extends string>(name: K, value: string | undefined): { [N in K]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [N in K]?: string });
}

interface Listing {
  /** Path within the directory -> facts, in the order of names. */
  readonly files: ReadonlyMap<string, FileFacts>;
  readonly problems: readonly string[];
}

async function listFiles(root: RootedFiles, directory: string): Promise<Listing | undefined> {
  const files = new Map<string, FileFacts>();
  const problems: string[] = [];
  const walk = async (path: readonly string[]): Promise<boolean> => {
    const listed = await root.list(path, MAX_ENTRIES);
    if (listed === undefined) return false;
    for (const name of listed.names.sort()) {
      if (files.size >= MAX_ENTRIES) return true;
      const inner = [...path, name];
      try {
        const facts = await root.facts(inner);
        if (facts === undefined) continue;
        if (!facts.isDirectory) files.set(inner.slice(1).join('/'), facts);
        else if (inner.length <= MAX_DEPTH) await walk(inner);
      } catch (error) {
        problems.push(problemOf(error));
      }
    }
    return true;
  };
  return (await walk([directory])) ? { files, problems } : undefined;
}

/** One file that is a link, or that this user may not read, hides no other. */
export function problemOf(error: unknown): string {
  if (error instanceof RefusedPath || (error instanceof Error && 'code' in error)) return error.message;
  throw error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
