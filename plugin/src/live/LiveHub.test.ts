import { FakeBrowser, FakeExporter } from './fakeBrowser';
import type { LiveHub } from './LiveHub';
import type { LiveEvent } from './liveMessages';

let exporter: FakeExporter;
let browser: FakeBrowser;
beforeEach(() => {
  jest.useFakeTimers();
  exporter = new FakeExporter();
  browser = new FakeBrowser(exporter);
});
afterEach(() => jest.useRealTimers());

/** Time passes, and all that waits for it happens. */
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

function listen(hub: LiveHub, topics: readonly string[], from?: string) {
  const heard: string[] = [];
  const told: LiveEvent[] = [];
  const stop = hub.subscribe(
    topics,
    (event) => {
      told.push(event);
      heard.push(event.event === 'list' ? event.data.at : event.event);
    },
    from,
  );
  return { heard, told, stop };
}

it('follows all that a page shows with one stream', async () => {
  const hub = browser.tab();
  const runs = listen(hub, ['runs']);
  const chains = listen(hub, ['chains', 'runs']);
  await pass(1_000);
  expect(hub.status).toEqual({ mode: 'live', ledger: 'up' });
  expect(exporter.streams.map(({ topics }) => [...topics].sort())).toEqual([['chains', 'runs']]);
  exporter.change('a', 'runs', 'chains');
  exporter.change('b', 'chains');
  await pass(0);
  // What was fetched before the stream began may be old.
  expect(runs.heard).toEqual(['missed', 'a']);
  expect(chains.heard).toEqual(['missed', 'a', 'b']);
});

it('tells who knows its place what came since, and nothing twice', async () => {
  exporter.change('old', 'output:s/1');
  exporter.change('since', 'output:s/1');
  const hub = browser.tab();
  const output = listen(hub, ['output:s/1'], '1');
  await pass(1_000);
  exporter.change('now', 'output:s/1');
  await pass(0);
  expect(output.heard).toEqual(['since', 'now']);
});

it('goes on from where it was when topics change', async () => {
  const hub = browser.tab();
  const runs = listen(hub, ['runs']);
  await pass(1_000);
  exporter.change('a', 'runs');
  exporter.change('before the page', 'output:s/1');
  const output = listen(hub, ['output:s/1'], '1');
  await pass(20);
  exporter.change('b', 'runs', 'output:s/1');
  await pass(1_000);
  exporter.change('c', 'runs', 'output:s/1');
  await pass(0);
  expect(exporter.streams).toHaveLength(1);
  expect(runs.heard).toEqual(['missed', 'a', 'b', 'c']);
  expect(output.heard).toEqual(['before the page', 'b', 'c']);
  runs.stop();
  await pass(5_000);
  expect(exporter.streams.map(({ topics }) => topics)).toEqual([['output:s/1']]);
  output.stop();
  await pass(5_000);
  expect(exporter.streams).toEqual([]);
  expect(hub.status.mode).toBe('idle');
});

it('loses nothing for who is further back than the stream, whatever comes before it is connected anew', async () => {
  exporter.change('seen', 'output:s/1');
  const early = listen(browser.tab(), ['output:s/1'], '1');
  await pass(1_000);
  exporter.change('after the page', 'output:s/1');
  await pass(100);
  const late = listen(browser.tab(), ['output:s/1'], '1');
  await pass(20);
  exporter.change('at once', 'output:s/1');
  await pass(1_000);
  expect(late.heard).toEqual(['after the page', 'at once']);
  expect(early.heard).toEqual(['after the page', 'at once']);
});

it('has one stream for all tabs, also for the seventh', async () => {
  const tabs = Array.from({ length: 7 }, () => browser.tab());
  const lists = tabs.map((tab, i) => listen(tab, ['runs', `output:s/${i}`], '0'));
  await pass(2_000);
  expect(exporter.streams).toHaveLength(1);
  exporter.change('everywhere', 'runs');
  exporter.change('in the fifth', 'output:s/4');
  await pass(100);
  expect(lists.map(({ heard }) => heard)).toEqual(
    tabs.map((_, i) => (i === 4 ? ['everywhere', 'in the fifth'] : ['everywhere'])),
  );
  expect(tabs.map(({ status }) => status.mode)).toEqual(tabs.map(() => 'live'));
});

it('passes the lead on when its tab closes, without loss or repetition', async () => {
  const [first, second, third] = [browser.tab(), browser.tab(), browser.tab()];
  const one = listen(first, ['runs'], '0');
  await pass(1_000);
  const two = listen(second, ['runs'], '0');
  const three = listen(third, ['chains', 'runs'], '0');
  await pass(1_000);
  exporter.change('a', 'runs');
  await pass(100);
  one.stop();
  await pass(3_001);
  exporter.change('b', 'runs', 'chains');
  await pass(2_000);
  exporter.change('c', 'runs');
  await pass(100);
  expect(exporter.streams).toHaveLength(1);
  expect(two.heard).toEqual(['a', 'b', 'c']);
  expect(three.heard).toEqual(['a', 'b', 'c']);
  expect([second.status.mode, third.status.mode]).toEqual(['live', 'live']);
});

it('connects again after a cut, from where it was', async () => {
  const hub = browser.tab();
  const runs = listen(hub, ['runs']);
  await pass(1_000);
  exporter.change('a', 'runs');
  await pass(0);
  exporter.cut();
  expect(hub.status.mode).toBe('reconnecting');
  exporter.change('b', 'runs');
  await pass(3_000);
  exporter.change('c', 'runs');
  await pass(0);
  expect(hub.status.mode).toBe('live');
  expect(runs.heard).toEqual(['missed', 'a', 'b', 'c']);
});

it('survives an exporter that is away, and says so', async () => {
  const hub = browser.tab();
  const runs = listen(hub, ['runs']);
  await pass(1_000);
  exporter.isDown = true;
  exporter.cut();
  exporter.change('meanwhile', 'runs');
  await pass(120_000);
  expect(hub.status.mode).toBe('reconnecting');
  expect(exporter.asked).toBeLessThan(60);
  exporter.isDown = false;
  await pass(120_000);
  expect(hub.status.mode).toBe('live');
  expect(runs.heard).toEqual(['missed', 'meanwhile']);
});

it('asks every few seconds where no stream begins, and tries one again', async () => {
  exporter.hasStreams = false;
  const hub = browser.tab();
  const runs = listen(hub, ['runs']);
  await pass(10_000);
  expect(hub.status.mode).toBe('polling');
  exporter.change('a', 'runs');
  await pass(3_000);
  expect(runs.heard).toEqual(['missed', 'a']);
  exporter.hasStreams = true;
  await pass(120_000);
  expect(hub.status.mode).toBe('live');
  exporter.change('b', 'runs');
  await pass(0);
  expect(runs.heard).toEqual(['missed', 'a', 'b']);
});

it('asks every few seconds on a page without locks', async () => {
  const hub = browser.tab({ isSecure: false });
  const runs = listen(hub, ['runs'], '0');
  await pass(1_000);
  exporter.change('a', 'runs');
  await pass(3_000);
  expect([hub.status.mode, exporter.streams.length]).toEqual(['polling', 0]);
  expect(runs.heard).toEqual(['a']);
});

it('reads anew where what came between is not kept any more', async () => {
  const hub = browser.tab();
  const runs = listen(hub, ['runs']);
  await pass(1_000);
  exporter.change('a', 'runs');
  await pass(0);
  exporter.cut();
  exporter.change('lost', 'runs');
  exporter.keptFrom = 2;
  await pass(3_000);
  exporter.change('b', 'runs');
  await pass(0);
  expect(runs.heard).toEqual(['missed', 'a', 'missed', 'b']);
});

it('connects again where a stream says nothing, and when it is asked to', async () => {
  const hub = browser.tab();
  const runs = listen(hub, ['runs']);
  await pass(1_000);
  const [silent] = exporter.streams;
  await pass(50_000);
  expect(exporter.streams).toHaveLength(1);
  expect(exporter.streams[0]).not.toBe(silent);
  const [renewed] = exporter.streams;
  for (let i = 0; i < 5; i++) {
    renewed?.heartbeat();
    await pass(15_000);
  }
  expect(exporter.streams[0]).toBe(renewed);
  renewed?.tellClosing();
  expect(hub.status.mode).toBe('live');
  exporter.change('a', 'runs');
  await pass(2_000);
  expect(exporter.streams[0]).not.toBe(renewed);
  expect(runs.heard).toEqual(['missed', 'a']);
});

it('leaves out what may not be followed, rather than all', async () => {
  exporter.forbidden.add('audit');
  const hub = browser.tab();
  const runs = listen(hub, ['runs']);
  const audit = listen(hub, ['audit']);
  await pass(90_000);
  exporter.change('a', 'runs', 'audit');
  await pass(5_000);
  expect(runs.heard).toContain('a');
  expect(audit.heard).not.toContain('a');
});

it('rests while nobody sees the page, and catches up', async () => {
  const visibility = jest.spyOn(document, 'visibilityState', 'get');
  const show = (state: DocumentVisibilityState) => {
    visibility.mockReturnValue(state);
    document.dispatchEvent(new Event('visibilitychange'));
  };
  const hub = browser.tab();
  const runs = listen(hub, ['runs']);
  await pass(1_000);
  show('hidden');
  await pass(90_000);
  expect(exporter.streams).toEqual([]);
  exporter.change('while hidden', 'runs');
  show('visible');
  await pass(1_000);
  expect(runs.heard).toEqual(['missed', 'while hidden']);
  show('hidden');
  await pass(3_600_000);
  exporter.change('hours later', 'runs');
  show('visible');
  await pass(1_000);
  // Everything of hours is read anew.
  expect(runs.heard).toEqual(['missed', 'while hidden', 'missed']);
  exporter.change('now', 'runs');
  await pass(0);
  expect(runs.heard.at(-1)).toBe('now');
  visibility.mockRestore();
});
