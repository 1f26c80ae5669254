/** The place of a value: keys and indexes from the top of the file. */
export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong in a configuration file. */
export interface ConfigProblem {
  readonly path: ConfigPath;
  /** The line of the YAML file, from 1; absent where the key is not in the file. */
  readonly line?: number;
  /** What was found and what was expected, in one sentence without the path. */
  readonly message: string;
}

/** @returns `tokens[0].role`. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** A configuration that is refused, with everything that is wrong in it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[], options?: { cause?: unknown }) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`${file}: ${count}\n${problems.map((problem) => `  ${formatProblem(problem)}`).join('\n')}`, options);
    this.file = file;
    this.problems = problems;
  }
}

function formatProblem({ path, line, message }: ConfigProblem): string {
  const place = [line === undefined ? '' : `line ${line}`, formatPath(path)].filter((part) => part !== '').join(', ');
  return place === '' ? message : `${place}: ${message}`;
}
