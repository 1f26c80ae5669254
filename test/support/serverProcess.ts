import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { waitFor } from './waitFor.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly pid: number;
  /** Everything it wrote to stdout and stderr so far (the last 4 MiB). */
  output(): string;
  readonly exited: Promise<Exit>;
  isRunning(): boolean;
  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<Exit>;
  /** Ends it in order; SIGKILL after 20 s, which is then an error. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Account to run under, where the tests run as root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The signal that stops it in order; default SIGTERM. The kernel sends it too when the tests themselves are killed. */
  readonly stopSignal?: NodeJS.Signals;
  /** True once it serves. Polled; a throw counts as "not yet". Its end before that is an error. */
  readonly ready: (process: { output(): string; pid: number }) => boolean | Promise<boolean>;
  /** Milliseconds; default 30,000. */
  readonly readyTimeoutMs?: number;
}

const OUTPUT_LIMIT = 4 * 1024 * 1024;
const STOP_TIMEOUT_MS = 20_000;
/** util-linux, on every Debian. Elsewhere a killed test run leaves its servers behind. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/** Starts a server process of a test and waits until it is ready. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { stopSignal = 'SIGTERM', readyTimeoutMs = 90_000 } = options;
  const child = launch(options, stopSignal);
  let output = '';
  const keep = (chunk: string) => {
    output = (output + chunk).slice(-OUTPUT_LIMIT);
  };
  child.stdout?.setEncoding('utf8').on('data', keep);
  child.stderr?.setEncoding('utf8').on('data', keep);

  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`Cannot start ${options.command}: ${cause.message}`, { cause })));
    // "close", not "exit": by then the pipes are drained, and `output` is complete.
    child.once('close', (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  exited.catch(() => {}); // Whoever awaits it sees the failure; the one that starts it does below.

  const kill = async (signal: NodeJS.Signals): Promise<Exit> => {
    if (exit === undefined) child.kill(signal);
    return exited;
  };
  const server: ServerProcess = {
    pid: child.pid ?? (await exited.then(() => -1)),
    output: () => output,
    exited,
    isRunning: () => exit === undefined,
    kill,
    async stop() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), STOP_TIMEOUT_MS);
      });
      const result = await Promise.race([kill(stopSignal), late]);
      clearTimeout(timer);
      if (result === 'late') {
        await kill('SIGKILL');
        throw new Error(
          `${options.command} did not end within ${STOP_TIMEOUT_MS} ms of ${stopSignal}. Its output:\n${output}`,
        );
      }
    },
  };

  const looking = new AbortController();
  try {
    await Promise.race([
      waitFor(() => options.ready({ output: () => output, pid: server.pid }), {
        what: `${options.command} to be ready`,
        timeoutMs: readyTimeoutMs,
        signal: looking.signal,
      }),
      exited.then(({ code, signal }) => {
        throw new Error(
          `${options.command} ended before it was ready (code ${code}, signal ${signal}). Its output:\n${output}`,
        );
      }),
    ]);
  } catch (error) {
    await kill('SIGKILL');
    throw withOutput(error, output);
  } finally {
    looking.abort();
  }
  return server;
}

function launch(options: ServerOptions, stopSignal: NodeJS.Signals): ChildProcess {
  const { command, args, user, cwd, env = process.env } = options;
  const spawnOptions: SpawnOptions = { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] };
  if (SETPRIV === undefined) return spawn(command, args, { ...spawnOptions, ...user });
  const identity = user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  return spawn(SETPRIV, [...identity, `--pdeathsig=${stopSignal.slice(3)}`, '--', command, ...args], spawnOptions);
}

function withOutput(error: unknown, output: string): Error {
  if (error instanceof Error && error.message.includes('Its output:')) return error;
  return new Error(`${error instanceof Error ? error.message : String(error)}. Its output:\n${output}`, {
    cause: error,
  });
}
