import { z } from 'zod';
import { RECORD_LIST_NAMES, type RecordListName, recordListOf, wholeNumber } from './api.ts';
import { sourceName } from './fields.ts';
import { KINDS, type Kind, type OutputRecord, type RecordOf } from './records.ts';
import { type Position, parsePosition, RECORD_TOPICS, type RecordTopic, topicOf } from './topics.ts';

/**
 * What follows the ledger live: `GET /api/v1/stream` (server-sent events) and `GET /api/v1/changes` (the same events as JSON, for
 * who polls). A reader names topics; every event says which of them it is about.
 */

/** A topic of everything that a list holds; `budgets` only says that they have to be read again. */
export const LIST_TOPICS = ['runs', ...RECORD_LIST_NAMES, 'budgets'] as const;
export type ListTopic = 'runs' | RecordListName | 'budgets';

/** A topic as it was asked for. */
export interface Topic {
  readonly name: ListTopic | RecordTopic;
  /** As {@link topicOf} spells it. */
  readonly text: string;
  readonly source?: string;
  readonly id?: string;
  /** What is behind already, of this topic; absent: as of the others. */
  readonly after?: Position;
}

const TOPIC_FORMS = [...LIST_TOPICS, ...RECORD_TOPICS.map((name) => `${name}:{source}/{id}`)].join(', ');

function readTopic(text: string): Topic | undefined {
  const [, name, source, encoded, from] = /^([\w-]+)(?::([^/:@,]+)\/([^/:@,]+))?(?:@([\d.]+))?$/.exec(text) ?? [];
  const after = from === undefined ? undefined : parsePosition(from);
  if (name === undefined || (from !== undefined && after === undefined)) return undefined;
  const place = after === undefined ? {} : { after };
  const list = LIST_TOPICS.find((topic) => topic === name);
  if (list !== undefined && source === undefined) return { name: list, text: list, ...place };
  const record = RECORD_TOPICS.find((topic) => topic === name);
  if (record === undefined || source === undefined || encoded === undefined) return undefined;
  const id = decoded(encoded);
  if (id === undefined || !sourceName.safeParse(source).success) return undefined;
  return { name: record, text: topicOf(record, source, id), source, id, ...place };
}

function decoded(text: string): string | undefined {
  try {
    const id = decodeURIComponent(text);
    return id.includes('\0') ? undefined : id;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

const MOST_TOPICS = 100;
const topic = z.string().transform((text, context) => {
  const read = readTopic(text);
  if (read !== undefined) return read;
  const message = `expected topics such as ${TOPIC_FORMS}, with source and id percent-encoded`;
  context.issues.push({ code: 'custom', input: text, message });
  return z.NEVER;
});
const topics = z
  .preprocess(
    (value) => [value ?? []].flat().flatMap((text: unknown) => (typeof text === 'string' ? text.split(',') : [text])),
    z.array(topic).min(1).max(MOST_TOPICS),
  )
  .meta({
    type: 'array',
    items: { type: 'string' },
    minItems: 1,
    description: `What to follow, repeated or comma-separated: ${TOPIC_FORMS}. Source and id are percent-encoded as in a path (and once more by the query string). \`@<position>\` after a topic: of this one only what came after that (the \`position\` of a page of output, say). The stream goes on from Last-Event-ID, else from the earliest of these, else from now.`,
  });
const position = z
  .string()
  .transform((text, context) => {
    const read = parsePosition(text);
    if (read !== undefined) return read;
    context.issues.push({
      code: 'custom',
      input: text,
      message: 'expected the id of an event, such as 1234 or 1234.7',
    });
    return z.NEVER;
  })
  .optional();
const MOST_TAIL = 5_000;
const tail = wholeNumber(0, MOST_TAIL)
  .default(1_000)
  .describe(
    'Of `output:` topics that begin now: so many of the last lines come first. None where there is a position to go on from.',
  );

export const streamQuery = z.strictObject({
  topics,
  lastEventId: position.meta({
    type: 'string',
    description:
      'As the header Last-Event-ID, for clients that cannot send it. The header counts where there are both.',
  }),
  tail,
});

export const changesQuery = z.strictObject({
  topics,
  since: position.meta({
    type: 'string',
    description:
      '`position` of the answer before: what came after it. Absent: from now on (with the tail of `output:` topics).',
  }),
  tail,
  limit: wholeNumber(1, 1_000).default(500).describe('About how many events to answer; a commit is not divided.'),
});

const ofTopics = z.array(z.string()).describe('Those of the topics asked for that it is about.');
const at = z.iso.datetime().describe('When it was committed.');

const recordChange = z.object({
  topics: ofTopics,
  kind: z.enum(KINDS),
  source: z.string(),
  key: z.record(z.string(), z.string()).describe('Its key fields.'),
  at,
  record: z
    .looseObject({ source: z.string() })
    .optional()
    .describe('As the list of its kind answers it now; absent where it is long: read it at its own route.'),
});
/** A record was written. */
export type RecordChange = {
  [K in Kind]: Omit<z.output<typeof recordChange>, 'kind' | 'record'> & { kind: K; record?: RecordOf<K> };
}[Kind];

const outputChange = z.object({
  topics: ofTopics,
  source: z.string(),
  runId: z.string().optional().describe('Absent: of no run, only of the sandbox that each line names.'),
  tail: z.literal(true).optional().describe('These are the last lines that there are: they replace all before.'),
  lines: z
    .array(z.looseObject({ source: z.string(), seq: z.number(), at: z.string() }))
    .describe(
      'In order. A line is one by (sandboxId, stepId, seq): one that was written again replaces the former. All lines sort by (at, stepId, seq).',
    ),
});
/** Lines that a run or a sandbox printed. */
export type OutputChange = Omit<z.output<typeof outputChange>, 'lines'> & { lines: OutputRecord[] };

const listChange = z.object({ topics: ofTopics, at });
/** So much changed at once (or what it is depends on more than records) that the list has to be read again. */
export type ListChange = z.output<typeof listChange>;

const reset = z.object({
  topics: ofTopics,
  reason: z.enum(['too_old', 'unknown_position']),
  message: z.string(),
});
/** What came between is not known any more: read what is shown again. */
export type StreamReset = z.output<typeof reset>;

const ready = z.object({ position: z.string(), topics: z.array(z.string()), heartbeatSeconds: z.number() });
const state = z.object({ ledger: z.enum(['up', 'down']) });
const closing = z.object({ reason: z.enum(['stopping', 'renew']) });

const event = <Name extends string, Data extends z.ZodType>(name: Name, data: Data, what: string) =>
  z.object({ id: z.string().optional(), event: z.literal(name), data }).describe(what);
const changed = [
  event('record', recordChange, 'A record was written.'),
  event('output', outputChange, 'A run or a sandbox printed something.'),
  event('list', listChange, 'So much changed that the list has to be read again; always so of `budgets`.'),
  event('reset', reset, 'What came after the position is not kept any more: read what is shown again.'),
] as const;
/** What `GET /api/v1/changes` answers. */
export const changesAnswer = z.object({
  position: z.string().describe('The next `since`.'),
  more: z.boolean().describe('There is more already: ask again at once.'),
  events: z.array(z.discriminatedUnion('event', changed)),
});
export const streamEvent = z.discriminatedUnion('event', [
  ...changed,
  event('ready', ready, 'What came before is told; from here on events come as they are committed.'),
  event('state', state, 'The ledger does not answer, or does again; nothing is lost meanwhile.'),
  event(
    'heartbeat',
    z.object({}),
    'A sign of life, at least every 15 s; its id is the place to go on from, although nothing was told.',
  ),
  event('closing', closing, 'The stream ends; connect again. `renew`: it is ten minutes old.'),
]);

type EventOf<Name extends string, Data> = { id?: string; event: Name; data: Data };
export type ChangeEvent =
  | EventOf<'record', RecordChange>
  | EventOf<'output', OutputChange>
  | EventOf<'list', ListChange>
  | EventOf<'reset', StreamReset>;
export type StreamEvent =
  | ChangeEvent
  | EventOf<'ready', z.output<typeof ready>>
  | EventOf<'state', z.output<typeof state>>
  | EventOf<'heartbeat', Record<string, never>>
  | EventOf<'closing', z.output<typeof closing>>;
export interface ChangesAnswer {
  position: string;
  more: boolean;
  events: ChangeEvent[];
}

/** The list topic of a kind; undefined: none lists it. */
export function listTopicOf(kind: Kind): ListTopic | undefined {
  return kind === 'run' ? 'runs' : RECORD_LIST_NAMES.find((name) => recordListOf(name).kind === kind);
}
