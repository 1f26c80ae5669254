import { spawnSync } from 'node:child_process';

export interface Promtool {
  readonly command: string;
  /** `2.42.0` */
  readonly version: string;
}

/**
 * promtool of the system, and another of Prometheus 3 where there is one: `promtool3` on the PATH, or what PROMTOOL3 names. Windows are
 * left-open from Prometheus 3 on, so the rules are tested with both.
 */
export function findPromtools(): readonly Promtool[] {
  const found = ['promtool', process.env.PROMTOOL3 ?? 'promtool3'].flatMap((command) => {
    const { stdout, stderr } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    const version = /version (\d[\w.]*)/.exec(`${stdout}${stderr}`)?.[1];
    return version === undefined ? [] : [{ command, version }];
  });
  if (!found.some(({ version }) => version.startsWith('3.')))
    console.log(
      'No promtool 3 on the PATH (as promtool3) or in PROMTOOL3: rules and configuration are tested with promtool 2 alone.',
    );
  return found;
}
