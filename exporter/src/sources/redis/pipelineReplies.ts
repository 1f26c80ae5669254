import type { Redis } from 'ioredis';

/** @returns the replies of a pipeline; the error of a single command stands in its place. */
export async function repliesOf(pipeline: ReturnType<Redis['pipeline']>): Promise<readonly unknown[]> {
  const results = await pipeline.exec();
  if (results === null) throw new Error('Redis: the pipeline was not executed');
  return results.map(([error, value]) => error ?? value);
}

/** @throws the reply where it is an error. */
export function valueOrThrow(reply: unknown): unknown {
  if (reply instanceof Error) throw reply;
  return reply;
}
