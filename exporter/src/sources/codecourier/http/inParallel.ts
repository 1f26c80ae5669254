/**
 * Runs `work` for each item; the client bounds how many calls are under way at once.
 * @returns the results in the order of the items.
 * @throws the first error, after every call has ended: none may outlive its poll.
 */
export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const settled = await Promise.allSettled(items.map(work));
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
