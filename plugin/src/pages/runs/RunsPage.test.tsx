import { screen } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { openPage, readUrl, serveFleet, server } from '../../testing/renderPage';

serveFleet();

it('lists runs with a link to each', async () => {
  const run = { source: 'crucible', runId: 'r/1', name: 'Fix the parser', status: 'failed' };
  server.use(http.get(readUrl('/api/v1/runs'), () => HttpResponse.json({ data: [run], nextCursor: null })));
  openPage('runs');
  expect(await screen.findByRole('link', { name: 'Fix the parser' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/run?source=crucible&id=r%2F1',
  );
  expect(screen.getByText('Failed')).toBeVisible();
});

it('says that the role does not reach so far', async () => {
  const error = { code: 'forbidden', message: 'found role none, expected viewer', requestId: 'q1' };
  server.use(http.get(readUrl('/api/v1/runs'), () => HttpResponse.json({ error }, { status: 403 })));
  openPage('runs');
  expect(await screen.findByText('Your role does not reach this')).toBeVisible();
  expect(screen.getByText('found role none, expected viewer')).toBeVisible();
});
