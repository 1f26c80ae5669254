import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface PromtoolResult {
  readonly exitCode: number;
  /** stdout and stderr; '' where promtool has nothing to say. */
  readonly output: string;
}

/** `promtool check metrics` on an exposition in the Prometheus text format. Silent means: parses, and no lint finding. */
export function promtoolCheckMetrics(exposition: string): Promise<PromtoolResult> {
  return promtool(['check', 'metrics'], exposition);
}

/** Any promtool command; `input` goes to its stdin. */
export async function promtool(args: readonly string[], input = '', command = 'promtool'): Promise<PromtoolResult> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new Error('Cannot run promtool; install it with scripts/install-test-tools.sh', { cause })),
    );
    child.once('close', (code, signal) =>
      code === null ? reject(new Error(`promtool ${args.join(' ')} was ended by ${signal}`)) : resolve(code),
    );
  });
  // A promtool that stops reading early (bad input) breaks the pipe; its exit code and output say why.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [exitCode, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { exitCode, output: (stdout + stderr).trim() };
}
