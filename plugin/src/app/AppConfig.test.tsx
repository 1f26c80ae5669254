import type { AppPluginMeta, PluginConfigPageProps } from '@grafana/data';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { ORIGIN, serveFleet, server } from '../testing/renderPage';
import AppConfig from './AppConfig';
import type { AppOptions } from './linkTemplates';

serveFleet();

const SETTINGS = `${ORIGIN}/api/plugins/fleetlens-fleet-app/settings`;

function openConfiguration(jsonData: object) {
  const meta = { enabled: true, pinned: true, jsonData } as AppPluginMeta<AppOptions>;
  const props = { plugin: { meta }, query: {} } as unknown as PluginConfigPageProps<AppPluginMeta<AppOptions>>;
  render(<AppConfig {...props} />);
  return userEvent.setup();
}

it('keeps links of runs besides what else it keeps, and none that a browser must not open', async () => {
  const saved: unknown[] = [];
  server.use(
    http.get(`${ORIGIN}/api/datasources/proxy/*`, () => HttpResponse.json({ message: 'Bad Gateway' }, { status: 502 })),
    http.post(SETTINGS, async ({ request }) => {
      saved.push(await request.json());
      return HttpResponse.json({});
    }),
  );
  const user = openConfiguration({ links: [{ name: 'Old', url: 'https://old.example/' }], other: 1 });
  await user.click(screen.getByRole('button', { name: 'Remove link 1' }));
  await user.click(screen.getByRole('button', { name: 'Add a link' }));
  const save = screen.getByRole('button', { name: 'Save the links' });
  await user.type(screen.getByLabelText('Name of link 1'), 'Trace');
  const address = screen.getByLabelText('Address of link 1');
  for (const wrong of ['javascript:alert(1)', 'https://a.example/{{token}', 'https://user:pass@a.example/']) {
    await user.clear(address);
    await user.type(address, wrong);
    expect(save).toBeDisabled();
  }
  await user.clear(address);
  await user.type(address, 'https://a.example/{{runId}');
  await user.click(save);
  expect(await screen.findByText(/^Saved/)).toBeVisible();
  await waitFor(() =>
    expect(saved).toEqual([
      {
        enabled: true,
        pinned: true,
        jsonData: { other: 1, links: [{ name: 'Trace', url: 'https://a.example/{runId}' }] },
      },
    ]),
  );
});

it('says why they were not kept', async () => {
  server.use(
    http.get(`${ORIGIN}/api/datasources/proxy/*`, () => HttpResponse.json({ message: 'Bad Gateway' }, { status: 502 })),
    http.post(SETTINGS, () => HttpResponse.json({ message: 'You need plugins:write' }, { status: 403 })),
  );
  const user = openConfiguration({});
  await user.click(screen.getByRole('button', { name: 'Save the links' }));
  expect(await screen.findByText('You need plugins:write')).toBeVisible();
});
