import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OutputPage } from '../../exporter/src/contract/api.ts';
import { comparePlaces, formatPlace, parsePlace, placeOf } from '../../exporter/src/contract/outputPlace.ts';
import { type ServedLedger, serveLedger, TOKENS } from './servedLedger.ts';

const TEAM = 'acme/storefront';
const RUN = '/api/v1/runs/own/r%2F1/output';
const SANDBOX = '/api/v1/sandboxes/own/sbx/output';
const STEPS = ['plan', 'build,test', 'é'];
const COUNT = 60;
let served: ServedLedger;

const textOf = (seq: number) => (seq % 10 === 0 ? `50% of "\u001b[31mred\u001b[0m" ${seq}` : `line ${seq}`);

beforeAll(async () => {
  served = await serveLedger([TEAM]);
  let ids = 0;
  const start = Date.parse('2026-11-20T13:00:00.000Z');
  const event = (kind: string, data: Record<string, unknown>, ms = start) => {
    return { id: `e${++ids}`, source: 'own', kind, at: new Date(ms).toISOString(), data };
  };
  const line = (seq: number, data: Record<string, unknown>) =>
    // Three lines a millisecond, steps and sandboxes mixed.
    event('output', { seq, role: 'stdout', text: textOf(seq), ...data }, start + Math.floor(seq / 3));
  await served.record([
    event('run', { runId: 'r/1', project: TEAM, status: 'running' }),
    event('run', { runId: 'secret', project: 'acme/secret', status: 'running' }),
    event('sandbox', { sandboxId: 'sbx', project: TEAM, runId: 'r/1', status: 'running' }),
    event('sandbox', { sandboxId: 'mixed', project: TEAM, runId: 'secret', status: 'running' }),
    event('sandbox', { sandboxId: 'hidden', project: 'acme/secret', status: 'running' }),
    event('run', { runId: 'of an issue', project: TEAM, origin: 'issue' }),
    event('sandbox', { sandboxId: 'by hand', project: TEAM, origin: 'web' }),
    event('sandbox', { sandboxId: 'workflow', project: TEAM, origin: 'workflow', runId: 'of an issue' }),
    event('sandbox', { sandboxId: 'sprint', project: TEAM, origin: 'sprint' }),
    event('sandbox', { sandboxId: 'issue', project: TEAM, runId: 'of an issue' }),
    ...Array.from({ length: COUNT }, (_, seq) =>
      line(seq, { runId: 'r/1', stepId: STEPS[seq % 3], ...(seq % 2 === 0 ? { sandboxId: 'sbx' } : {}) }),
    ),
    line(70, { sandboxId: 'sbx', role: 'user', text: 'typed before the run' }),
    line(71, { sandboxId: 'mixed', text: 'of the sandbox alone' }),
    line(72, { sandboxId: 'mixed', runId: 'secret', text: 'of a run that is not the team’s' }),
    line(73, { sandboxId: 'hidden', text: 'hidden' }),
  ]);
});
afterAll(() => served?.close());

async function ask(path: string, query: Record<string, string | number> = {}, token: keyof typeof TOKENS = 'all') {
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  const { status, body } = await served.get(`${path}?${search}`, token);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as OutputPage;
}
const placesIn = ({ data }: OutputPage) => data.map((line) => formatPlace(placeOf(line)));
const textsIn = ({ data }: OutputPage) => data.map(({ text }) => text);

async function download(path: string, query = '', token: keyof typeof TOKENS = 'all') {
  const response = await fetch(`${served.url}${path}/download${query}`, {
    headers: { authorization: `Bearer ${TOKENS[token]}` },
  });
  return { response, text: await response.text() };
}

describe('the output of a run', () => {
  it('goes back and forth from any line, without a gap or a line twice', async () => {
    const whole = placesIn(await ask(RUN, { limit: 500 }));
    expect(whole).toHaveLength(COUNT);
    const sorted = whole.map((place) => parsePlace(place)).sort((a, b) => (a && b ? comparePlaces(a, b) : 0));
    expect(sorted.map((place) => place && formatPlace(place))).toEqual(whole);
    await fc.assert(
      fc.asyncProperty(fc.nat(COUNT - 1), fc.integer({ min: 1, max: 25 }), async (at, limit) => {
        const place = whole[at] as string;
        const before = await ask(RUN, { before: place, limit });
        const from = await ask(RUN, { from: place, limit });
        expect(placesIn(before)).toEqual(whole.slice(Math.max(0, at - limit), at));
        expect(before.earlier).toBe(at > limit);
        expect(placesIn(from)).toEqual(whole.slice(at, at + limit));
        expect(from.nextCursor === null).toBe(at + limit >= COUNT);
        if (from.nextCursor === null) return;
        const next = await ask(RUN, { cursor: from.nextCursor, limit });
        expect(placesIn(next)).toEqual(whole.slice(at + limit, at + 2 * limit));
      }),
      { numRuns: 25 },
    );
  });

  it('says of a tail whether there is more before it', async () => {
    expect((await ask(RUN, { tail: COUNT })).earlier).toBe(false);
    expect((await ask(RUN, { tail: COUNT - 1 })).earlier).toBe(true);
  });

  it('finds words as they stand, in either case, one by one in both directions', async () => {
    const found = await ask(RUN, { q: '50% OF', limit: 500 });
    expect(found.data.map(({ seq }) => seq)).toEqual([0, 10, 20, 30, 40, 50]);
    const third = formatPlace(placeOf(found.data[2] as OutputPage['data'][number]));
    expect((await ask(RUN, { q: '50% of', before: third, limit: 1 })).data.map(({ seq }) => seq)).toEqual([10]);
    expect((await ask(RUN, { q: '5_% of' })).data).toEqual([]);
  });

  it.each([
    ['before=x', 'before: '],
    ['from=2026-99-20T13:00:00.000Z,1', 'from: '],
    ['tail=2001', 'tail: '],
    ['before=2026-11-20T13:00:00.000Z,1&tail=3', 'expected one of'],
  ])('refuses %s', async (query, message) => {
    const { status, body } = await served.get(`${RUN}?${query}`);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain(message);
  });
});

describe('the output of a sandbox', () => {
  it('is what it printed, in its run and outside of it', async () => {
    const page = await ask(SANDBOX, { limit: 500 });
    expect(page.data).toHaveLength(COUNT / 2 + 1);
    expect(page.data.every(({ sandboxId }) => sandboxId === 'sbx')).toBe(true);
    expect(textsIn(page).at(-1)).toBe('typed before the run');
    const { body } = await served.get('/api/v1/runs/own/r%2F1/output?limit=500');
    expect((body as OutputPage).data.some(({ text }) => text === 'typed before the run')).toBe(false);
  });

  it('shows of the run of another team nothing, and of another’s sandbox that there is none', async () => {
    expect(textsIn(await ask('/api/v1/sandboxes/own/mixed/output', {}, 'team'))).toEqual(['of the sandbox alone']);
    expect(textsIn(await ask('/api/v1/sandboxes/own/mixed/output'))).toHaveLength(2);
    expect((await served.get('/api/v1/sandboxes/own/hidden/output', 'team')).status).toBe(404);
    expect((await download('/api/v1/sandboxes/own/hidden/output', '', 'team')).response.status).toBe(404);
  });
});

it('lists sandboxes apart that workflows and issue sessions created', async () => {
  const listed = async (state: string) => {
    const { body } = await served.get(`/api/v1/sandboxes?state=${state}`, 'team');
    return (body as { data: { sandboxId: string }[] }).data.map(({ sandboxId }) => sandboxId).sort();
  };
  expect(await listed('standalone')).toEqual(['by hand', 'mixed', 'sbx']);
  expect(await listed('workflow')).toEqual(['sprint', 'workflow']);
  expect(await listed('issue')).toEqual(['issue']);
});

describe('the download', () => {
  it('is every line as text, without what a terminal would obey', async () => {
    const { response, text } = await download(RUN);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="output-r_1.txt"');
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(COUNT);
    expect(lines).toContain('2026-11-20T13:00:00.000Z stdout plan: 50% of "red" 0');
    expect(text).not.toContain('\u001b');
  });

  it('is every record of a step as NDJSON', async () => {
    const { response, text } = await download(RUN, '?format=ndjson&step=plan');
    expect(response.headers.get('content-type')).toContain('application/x-ndjson');
    const records = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as OutputPage['data'][number]);
    expect(records.map(({ seq }) => seq)).toEqual(Array.from({ length: COUNT / 3 }, (_, i) => 3 * i));
    expect(records[0]?.text).toBe(textOf(0));
  });

  it('of a run that there is not is an error', async () => {
    const { response, text } = await download('/api/v1/runs/own/none/output');
    expect([response.status, JSON.parse(text).error.code]).toEqual([404, 'not_found']);
  });
});
