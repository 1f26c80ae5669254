import type { Logger } from 'pino';
import { RootedFiles } from '../../files/rootedFiles.ts';
import type { PollContext } from '../../source.ts';
import { SourceError } from '../../source.ts';
import type { ArtifactsConfig } from '../config.ts';
import { directoryOfPath, directoryOfTime, timeOfDirectory } from './directoryName.ts';
import { ArtifactReader, problemOf, type RunArtifacts } from './readArtifacts.ts';

/** What a run left: its artifacts, none, or (undefined) nobody knows, and why the place that it names is not looked at. */
export interface FoundArtifacts {
  readonly artifacts: RunArtifacts | 'missing' | undefined;
  readonly refused?: string;
}

/** Directories of one listing; a root with more of them is read as far as that. */
const MAX_DIRECTORIES = 500_000;
/** A directory is named after the second in which its run began, which is near the time at which its row was made. */
const BEFORE_MS = 2_000;
const AFTER_MS = 30_000;

/** The artifacts root as one poll sees it. */
export class OpenArtifacts {
  readonly root: RootedFiles;
  readonly names: ReadonlySet<string>;
  /** Directories that a run of this poll was found to own. */
  readonly owned = new Set<string>();
  readonly #reader: ArtifactReader;
  readonly #config: ArtifactsConfig;

  constructor(root: RootedFiles, names: ReadonlySet<string>, reader: ArtifactReader, config: ArtifactsConfig) {
    this.root = root;
    this.names = names;
    this.#reader = reader;
    this.#config = config;
  }

  /** @param path what the row of the run names, if anything. */
  async ofRun(runId: string, path: string | null | undefined, createdAt: string | undefined): Promise<FoundArtifacts> {
    if (path) {
      const named = directoryOfPath(path, this.#config.recorded_path);
      if ('refused' in named) return { artifacts: undefined, refused: named.refused };
      const found = await this.read(named.name);
      if (found === undefined) return { artifacts: 'missing' };
      if ('refused' in found) return { artifacts: undefined, refused: found.refused };
      const owner = found.run?.run_id;
      if (owner !== undefined && owner !== runId) {
        return { artifacts: undefined, refused: `artifacts_dir: ${named.name} belongs to run ${String(owner)}` };
      }
      this.owned.add(named.name);
      return { artifacts: found };
    }
    for (const name of this.#near(createdAt)) {
      if ((await this.#reader.readRunJson(this.root, name))?.run_id !== runId) continue;
      const found = await this.read(name);
      if (found === undefined || 'refused' in found) continue;
      this.owned.add(name);
      return { artifacts: found };
    }
    return { artifacts: 'missing' };
  }

  /** @returns why, where the directory is a link or may not be read: nobody knows then what it holds. */
  async read(name: string): Promise<RunArtifacts | { readonly refused: string } | undefined> {
    try {
      return await this.#reader.read(this.root, name);
    } catch (error) {
      return { refused: `artifacts_dir: ${problemOf(error)}` };
    }
  }

  async runIdOf(name: string): Promise<string | undefined> {
    const id = (await this.#reader.readRunJson(this.root, name))?.run_id;
    return typeof id === 'string' && id !== '' ? id : undefined;
  }

  close(): Promise<void> {
    return this.root.close();
  }

  *#near(createdAt: string | undefined): Generator<string> {
    if (createdAt === undefined) return;
    const from = Date.parse(createdAt);
    for (let ms = from - BEFORE_MS; ms <= from + AFTER_MS; ms += 1_000) {
      const name = directoryOfTime(ms);
      if (this.names.has(name) && !this.owned.has(name)) yield name;
    }
  }
}

/** The artifacts root of the configuration. */
export class ArtifactDirectories {
  readonly config: ArtifactsConfig;
  readonly #reader: ArtifactReader;
  readonly #log: Logger;
  #warned = false;

  constructor(config: ArtifactsConfig, log: Logger) {
    this.config = config;
    this.#reader = new ArtifactReader({ maxFileBytes: config.max_file });
    this.#log = log;
  }

  /** @throws SourceError where the root cannot be read: then no run is said to lack its artifacts. */
  async open(countRequest: PollContext['countRequest'] = () => undefined): Promise<OpenArtifacts> {
    let root: RootedFiles | undefined;
    try {
      root = await RootedFiles.open(this.config.path);
      const listed = await root.list([], MAX_DIRECTORIES);
      if (listed?.complete === false && !this.#warned) {
        this.#warned = true;
        this.#log.warn(
          { read: MAX_DIRECTORIES },
          'the artifacts root has more entries than are read; move old ones away',
        );
      }
      const names = (listed?.names ?? []).filter((name) => timeOfDirectory(name) !== undefined);
      countRequest('ok');
      return new OpenArtifacts(root, new Set(names), this.#reader, this.config);
    } catch (cause) {
      await root?.close();
      const failure =
        cause instanceof SourceError
          ? cause
          : new SourceError(`${this.config.path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
              result: 'other',
              cause,
            });
      countRequest(failure.result);
      throw failure;
    }
  }
}
