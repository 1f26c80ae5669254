import { expect, it } from 'vitest';
import { waitFor } from './waitFor.ts';

it('returns the first truthy value, however often it was refused before', async () => {
  let looks = 0;
  const value = await waitFor(
    () => {
      looks++;
      if (looks === 1) throw new Error('not there yet');
      return looks === 3 ? 'found' : undefined;
    },
    { what: 'a value', intervalMs: 1 },
  );
  expect(value).toBe('found');
  expect(looks).toBe(3);
});

it('takes an empty list as "not yet": no rows, no series', async () => {
  const lists = [[], ['row']];
  expect(await waitFor(() => lists.shift(), { what: 'rows', intervalMs: 1 })).toEqual(['row']);
});

it('says what it waited for, and what it saw instead', async () => {
  await expect(waitFor(() => 0, { what: 'a run', timeoutMs: 5, intervalMs: 1 })).rejects.toThrow(
    'Waited 5 ms for a run; last seen: 0',
  );
  const cause = new Error('refused');
  await expect(
    waitFor(() => Promise.reject(cause), { what: 'a run', timeoutMs: 5, intervalMs: 1 }),
  ).rejects.toMatchObject({
    message: 'Waited 5 ms for a run; last error: Error: refused',
    cause,
  });
});
