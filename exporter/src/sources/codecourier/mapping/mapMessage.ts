import type { PulledRecord } from '../../../contract/events.ts';
import { defined, definedOrNothing, isObject } from '../../rows/textValues.ts';
import type { DocumentFields } from './documentFields.ts';
import type { MapContext } from './mapContext.ts';
import { OUTPUT_ROLE_WORDS, OUTPUT_STATE_WORDS, wordOf } from './words.ts';

/** A message of a sandbox's terminal: what the agent says, a tool that it uses, what a user types, an error. */
export function mapMessage(fields: DocumentFields, context: MapContext): readonly PulledRecord[] {
  const id = fields.id('_id', 'id', 'messageId');
  const sandboxId = fields.name('sandboxId');
  const createdAt = fields.instant('at', 'timestamp', 'createdAt', '_creationTime');
  const roleWord = fields.text('role', 'type');
  const role = wordOf(OUTPUT_ROLE_WORDS, roleWord);
  if (roleWord !== undefined && role === undefined) context.onWord('messages.role', roleWord);
  const stateWord = fields.text('state', 'status');
  const streaming = fields.flag('isStreaming');
  const state =
    wordOf(OUTPUT_STATE_WORDS, stateWord) ??
    (streaming === undefined ? undefined : streaming ? 'streaming' : 'completed');
  if (stateWord !== undefined && state === undefined) context.onWord('messages.state', stateWord);
  return [
    {
      kind: 'output',
      data: defined({
        runId: fields.name('runId') ?? context.sandboxes.runOf(sandboxId),
        sandboxId,
        stepId: fields.name('stepId', 'runStepId'),
        seq: fields.count('seq', 'sequence', 'index', 'order') ?? placeInTime(fields),
        at: createdAt,
        role,
        text: textIn(fields.raw('text', 'content', 'message')),
        state: state ?? (role === 'error' ? 'error' : undefined),
        attributes: definedOrNothing({
          ...fields.rest(),
          messageId: id,
          rawRole: role === undefined ? roleWord : undefined,
          rawState: state === undefined ? stateWord : undefined,
        }),
      }),
      // Message by message, at its own time: a page of output is history in the order that it was said.
      ...(context.at === undefined ? {} : { at: context.at }),
    },
  ];
}

/** Without a number of its own, a message is numbered by when it was made: Convex' time has a fraction and is unique. */
function placeInTime(fields: DocumentFields): number | undefined {
  const made = fields.peek('_creationTime', 'createdAt', 'timestamp', 'at');
  const ms = typeof made === 'number' ? made : typeof made === 'string' ? Date.parse(made) : Number.NaN;
  return Number.isFinite(ms) && ms > 0 ? Math.round(ms * 1000) : undefined;
}

/** A text, a list of parts as the models' APIs make it, or an object. */
function textIn(content: unknown): string | undefined {
  if (content === undefined || content === null) return undefined;
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map((part) => textIn(part) ?? '').join('\n');
  if (isObject(content) && typeof content.text === 'string') return content.text;
  return JSON.stringify(content);
}
