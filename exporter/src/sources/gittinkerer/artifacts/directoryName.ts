const TIMESTAMP = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** @returns the time that a run's directory is named after, ms since the epoch; undefined where the name is no `YYYYMMDDTHHMMSSZ`. */
export function timeOfDirectory(name: string): number | undefined {
  const match = TIMESTAMP.exec(name);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const ms = Date.parse(iso);
  // 30 February would roll over.
  return Number.isFinite(ms) && new Date(ms).toISOString() === iso ? ms : undefined;
}

export function directoryOfTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
}

export type NamedDirectory = { readonly name: string } | { readonly refused: string };

/**
 * Reads the path of a run's directory as the platform wrote it down. Of an absolute path only its last part is used, below the
 * root that is configured here: the service sees its directory under a path of its own.
 * @param recordedRoot the root as the service writes it; an absolute path elsewhere is then refused.
 */
export function directoryOfPath(path: string, recordedRoot?: string): NamedDirectory {
  const refused = (why: string): NamedDirectory => ({
    refused: `artifacts_dir: found ${JSON.stringify(path.slice(0, 200))}, ${why}`,
  });
  if (/[\p{Cc}\\]/u.test(path) || !path.isWellFormed()) return refused('which has characters that no such path has');
  // Never decoded here; whoever wrote it may have meant it to be.
  if (path.includes('%')) return refused('which is percent-encoded');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return refused('which leads upwards');
  if (recordedRoot !== undefined && path.startsWith('/')) {
    const root = recordedRoot.split('/').filter((part) => part !== '' && part !== '.');
    if (root.some((part, index) => parts[index] !== part) || parts.length !== root.length + 1)
      return refused(`expected a directory in ${recordedRoot}`);
  }
  const name = parts.at(-1);
  if (name === undefined || timeOfDirectory(name) === undefined)
    return refused('expected it to end with YYYYMMDDTHHMMSSZ');
  return { name };
}
