/** Data goes to stdout, alone; messages and progress go to stderr. */
export async function printLine(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) {
    // A slow reader sets the pace, so that a long export does not pile up in memory.
    await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
  }
}

export async function printJson(value: unknown): Promise<void> {
  await printLine(JSON.stringify(value, null, 2));
}

export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
