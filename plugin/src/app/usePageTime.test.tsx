import { renderHook } from '@testing-library/react';
import { MemoryRouter } from 'react-router-dom';
import { withChanges } from './usePageParameters';
import { usePageTime, windowBefore, windowOf } from './usePageTime';

const timeOf = (search: string) =>
  renderHook(() => usePageTime(), {
    wrapper: ({ children }) => <MemoryRouter initialEntries={[`/x${search}`]}>{children}</MemoryRouter>,
  }).result.current.time;

it.each([
  ['', { from: 'now-24h', to: 'now' }],
  ['?from=now-7d', { from: 'now-7d', to: 'now' }],
  ['?from=1763719200000&to=1763722800000', { from: '1763719200000', to: '1763722800000' }],
  ['?from=yesterday', { from: 'now-24h', to: 'now' }],
  ['?from=now&to=now-1h', { from: 'now-24h', to: 'now' }],
])('reads a window that makes sense from %s', (search, time) => {
  expect(timeOf(search)).toEqual(time);
});

it('asks the exporter for instants', () => {
  const window = windowOf({ from: '1763719200000', to: '2025-11-21T11:00:00Z' });
  expect(window).toEqual({ from: '2025-11-21T10:00:00.000Z', to: '2025-11-21T11:00:00.000Z' });
  expect(windowBefore(window)).toEqual({ from: '2025-11-21T09:00:00.000Z', to: '2025-11-21T10:00:00.000Z' });
});

it('changes what it is told to and keeps the rest', () => {
  const before = new URLSearchParams('ds=x&status=failed&status=running&q=a');
  expect(withChanges(before, { status: ['queued'], q: '', project: undefined }).toString()).toBe('ds=x&status=queued');
});
