import { type PollContext, type PollPage, SourceError } from '../source.ts';
import { endsPoll } from './http/apiFailure.ts';

type Part = () => AsyncGenerator<PollPage>;

/**
 * Reads one part after the other; one that fails does not keep the others from being read.
 * @param handOver hands over what there is after a failure, so that the time-out of the next part is its own.
 * @returns what failed, together.
 * @throws SourceError where no other part can be read either
 */
export async function* readParts(
  parts: readonly Part[],
  { signal }: Pick<PollContext, 'signal'>,
  handOver: Part,
): AsyncGenerator<PollPage, SourceError | undefined> {
  const failures: SourceError[] = [];
  let worked = 0;
  for (const part of parts) {
    try {
      yield* part();
      worked++;
    } catch (error) {
      if (signal.aborted || !(error instanceof SourceError) || endsPoll(error, worked)) throw error;
      failures.push(error);
      yield* handOver();
    }
  }
  const [failure] = failures;
  if (failure === undefined) return undefined;
  return new SourceError(failures.map(({ message }) => message).join('; '), {
    result: failure.result,
    partial: worked > 0,
    cause: failure,
  });
}
