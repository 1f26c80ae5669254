import type { OutputPage } from '@contract/api.ts';
import type { ChangesAnswer } from '@contract/live.ts';
import { comparePlaces, formatPlace, parsePlace, placeOf } from '@contract/outputPlace.ts';
import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import type { Listed } from '../../api/FleetApi';
import { openPage, readUrl, serveFleet, server } from '../../testing/renderPage';

serveFleet();

type Line = Listed<'output'>;
type Sandbox = Listed<'sandbox'>;

const SANDBOX: Sandbox = {
  source: 'cc',
  sandboxId: 's/1',
  status: 'running',
  project: 'acme/web',
  origin: 'web',
  template: 'node-22',
  config: { model: 'claude-opus-4-6', timeoutMinutes: 30 },
  createdAt: '2026-11-21T10:00:00.000Z',
  startedAt: '2026-11-21T10:00:05.000Z',
  endedAt: '2026-11-21T10:03:25.000Z',
  cpuCount: 2,
  memoryBytes: 4 * 2 ** 30,
  pullRequest: { status: 'created', number: 7, url: 'https://github.com/acme/web/pull/7' },
};
const line = (seq: number, fields: Partial<Line> = {}): Line => ({
  source: 'cc',
  sandboxId: 's/1',
  seq,
  at: new Date(Date.parse('2026-11-21T10:00:10.000Z') + seq).toISOString(),
  role: 'stdout',
  text: `line ${seq}`,
  ...fields,
});
const placed = (one: Line) => formatPlace(placeOf(one));

const OUTPUT = readUrl('/api/v1/sandboxes/cc/s%2F1/output');

/** The exporter's answers for a sandbox that printed these lines; `asked` are the questions. */
function serveSandbox(lines: readonly Line[], sandbox: Partial<Sandbox> = {}) {
  const asked: URLSearchParams[] = [];
  const live: ChangesAnswer['events'] = [];
  server.use(
    http.get(readUrl('/api/v1/sandboxes/cc/s%2F1'), () => HttpResponse.json({ ...SANDBOX, ...sandbox })),
    http.get(OUTPUT, ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.push(query);
      const limit = Number(query.get('tail') ?? query.get('limit'));
      const words = query.get('q')?.toLowerCase();
      const found = lines.filter(({ text = '' }) => words === undefined || text.toLowerCase().includes(words));
      const [before, from] = [parsePlace(query.get('before') ?? ''), parsePlace(query.get('from') ?? '')];
      const isBack = query.has('tail') || before !== undefined;
      const rest = found.filter(
        (one) =>
          (before === undefined || comparePlaces(placeOf(one), before) < 0) &&
          (from === undefined || comparePlaces(placeOf(one), from) >= 0),
      );
      return HttpResponse.json<OutputPage>({
        data: isBack ? rest.slice(-limit) : rest.slice(0, limit),
        nextCursor: !isBack && rest.length > limit ? 'next' : null,
        ...(isBack ? { earlier: rest.length > limit } : {}),
        position: '40',
      });
    }),
    http.get(readUrl('/api/v1/changes'), ({ request }) => {
      const topics = new URL(request.url).searchParams.get('topics') ?? '';
      // Who goes on from the page is told what came after it; who was told already is not.
      const events = /sandbox-output:[^,]*@40(,|$)/.test(topics) ? live : [];
      return HttpResponse.json<ChangesAnswer>({ position: '50', more: false, events });
    }),
  );
  return { asked, live };
}

const OPEN = 'sandbox?source=cc&id=s%2F1';
const terminal = async () => within(await screen.findByTestId('output-scroller'));

it('says what the sandbox is, where it belongs and what it used', async () => {
  serveSandbox([], { status: 'error', runId: 'r&1', error: { message: 'template <not> found', surface: 'sandbox' } });
  openPage(OPEN);
  expect(await screen.findByText('The sandbox failed')).toBeVisible();
  for (const text of ['template <not> found', 'acme/web', 'node-22', '3 min 20 s', '2 (–)', '4.0 GiB (–)'])
    expect(screen.getByText(text)).toBeVisible();
  expect(screen.getByRole('link', { name: 'r&1' })).toHaveAttribute(
    'href',
    '/a/fleetlens-fleet-app/run?source=cc&id=r%261',
  );
  expect(screen.getByRole('link', { name: '#7' })).toHaveAttribute('href', 'https://github.com/acme/web/pull/7');
  expect(await screen.findByText('Nothing was printed.')).toBeVisible();
});

it('tells who printed each line, in words, and shows colours without what a terminal would obey', async () => {
  const ESC = '\u001b';
  serveSandbox([
    line(1, { role: 'user', text: 'please fix <script>alert(1)</script>' }),
    line(2, { role: 'assistant', text: 'I will', state: 'streaming' }),
    line(3, { role: 'tool', text: 'Read(a.py)', state: 'error' }),
    line(4, { role: 'system', text: 'paused' }),
    line(5, { role: 'error', text: 'out of memory', state: 'error' }),
    line(6, { role: 'stderr', text: `${ESC}]0;owned\u0007${ESC}[31mred${ESC}[0m plain` }),
    line(7),
  ]);
  openPage(OPEN);
  const shown = await terminal();
  const rows = await shown.findAllByTestId('output-line');
  expect(rows.map((row) => row.textContent?.replace(/^\d\d:\d\d:\d\d\.\d{3}/, ''))).toEqual([
    'Userplease fix <script>alert(1)</script>',
    'AssistantI will being written',
    'ToolRead(a.py) failed',
    'Systempaused',
    'Errorout of memory',
    'stderrred plain',
    'stdoutline 7',
  ]);
  expect(shown.getByText('red').style.color).not.toBe('');
});

it('joins at the end, and follows what is printed', async () => {
  const { asked, live } = serveSandbox([line(1), line(2)]);
  live.push({
    id: '45.0',
    event: 'output',
    data: { topics: ['sandbox-output:cc/s%2F1'], source: 'cc', lines: [line(2), line(3, { text: 'fresh' })] },
  });
  openPage(OPEN);
  expect(await screen.findByText('fresh')).toBeVisible();
  expect(screen.getAllByTestId('output-line')).toHaveLength(3);
  expect(Number(asked[0]?.get('tail'))).toBeGreaterThanOrEqual(1_000);
});

it('opens at the line that is linked to, in the midst of very many, and links to another', async () => {
  const lines = Array.from({ length: 5_000 }, (_, seq) => line(seq));
  const { asked } = serveSandbox(lines, { status: 'killed' });
  const wanted = lines[2_500] as Line;
  const { user, address } = openPage(`${OPEN}&line=${encodeURIComponent(placed(wanted))}`);
  const shown = await terminal();
  await shown.findAllByTestId('output-line');
  expect(asked.map((query) => query.get('before') ?? query.get('from'))).toEqual([placed(wanted), placed(wanted)]);
  expect(asked.some((query) => query.has('tail'))).toBe(false);
  const [first] = shown.getAllByTestId('output-line');
  await user.click(within(first as HTMLElement).getByRole('button', { name: /Link to this line/ }));
  await waitFor(() => expect(address()).toContain(`line=${encodeURIComponent('2026-11-21T10:00:1')}`));
  expect(first).toHaveAttribute('aria-current', 'true');
});

it('searches all that was printed, and goes from match to match', async () => {
  const lines = Array.from({ length: 3_000 }, (_, seq) => line(seq, seq % 1_000 === 7 ? { text: `Oops ${seq}` } : {}));
  serveSandbox(lines, { status: 'killed' });
  const { user, address } = openPage(OPEN);
  await user.type(await screen.findByTestId('output-search'), 'oops');
  expect(await screen.findByText('3 lines')).toBeVisible();
  expect(address()).toContain('q=oops');
  await user.keyboard('{Enter}');
  expect(await screen.findByText('1 of 3')).toBeVisible();
  await user.keyboard('{Shift>}{Enter}{/Shift}');
  expect(await screen.findByText('3 of 3')).toBeVisible();
  await user.keyboard('{Enter}{Enter}');
  expect(await screen.findByText('2 of 3')).toBeVisible();
  await user.keyboard('{Escape}');
  await waitFor(() => expect(address()).not.toContain('q='));
});

it('offers all of it as a file', async () => {
  serveSandbox([line(1)]);
  openPage(OPEN);
  const link = await screen.findByTestId('output-download');
  expect(link).toHaveAttribute(
    'href',
    expect.stringMatching(/\/read\/api\/v1\/sandboxes\/cc\/s%2F1\/output\/download\?format=text$/),
  );
});

it('shows a long text in part until all of it is wanted', async () => {
  const text = Array.from({ length: 500 }, (_, i) => `row ${i}`).join('\n');
  serveSandbox([line(1, { role: 'tool', text })], { status: 'killed' });
  const { user } = openPage(OPEN);
  const button = await screen.findByRole('button', { name: /Show all/ });
  expect(screen.queryByText(/row 499/)).toBeNull();
  await user.click(button);
  expect(screen.getByText(/row 499/)).toBeVisible();
});

it('says why there is no output, and keeps the rest of the page', async () => {
  serveSandbox([]);
  const error = { code: 'too_slow', message: 'the query took more than 15 s', requestId: 'q9' };
  server.use(http.get(OUTPUT, () => HttpResponse.json({ error }, { status: 503 })));
  openPage(OPEN);
  expect(await screen.findByText('the query took more than 15 s')).toBeVisible();
  expect(screen.getByText('acme/web')).toBeVisible();
  server.use(
    http.get(OUTPUT, () =>
      HttpResponse.json<OutputPage>({ data: [line(1)], nextCursor: null, earlier: false, position: '41' }),
    ),
  );
  const { user } = { user: (await import('@testing-library/user-event')).default.setup() };
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('line 1')).toBeVisible();
});

it('says that there is no such sandbox, and what an address needs', async () => {
  const error = { code: 'not_found', message: 'found no sandbox s/1', requestId: 'q1' };
  server.use(http.get(readUrl('/api/v1/sandboxes/cc/s%2F1'), () => HttpResponse.json({ error }, { status: 404 })));
  const { unmount } = openPage(OPEN);
  expect(await screen.findByText('There is no such record, or none that you may see')).toBeVisible();
  unmount();
  openPage('sandbox?source=cc');
  expect(await screen.findByText(/needs its source and its id/)).toBeVisible();
});
