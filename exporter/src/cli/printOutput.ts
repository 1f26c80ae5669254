import { once } from 'node:events';

/** Data goes to stdout, alone; messages and progress go to stderr. */
export async function printLine(text: string): Promise<void> {
  if (process.stdout.errored !== null) throw process.stdout.errored;
  // A slow reader sets the pace, so that a long export does not pile up in memory; a closed pipe rejects.
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain');
}

export async function printJson(value: unknown): Promise<void> {
  await printLine(JSON.stringify(value, null, 2));
}

export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
