import { defined, isObject, type JsonObject, utcInstant } from '../rows/textValues.ts';
import { componentOf } from './componentOf.ts';
import { nameOf, textOf } from './jsonTexts.ts';

type Tags = ReadonlyMap<string, string>;

/** One error, as an event of Sentry tells it. */
export interface PlatformError {
  readonly errorId: string | undefined;
  readonly at: string | undefined;
  readonly project: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Tags with a place of their own, and the user, who is a person. */
const OWN_TAGS = new Set('stage run_id repo pr_number source level request_id requestId user'.split(' '));

/** Of the list of a project's events. @param project the slug that was asked for. */
export function readListedEvent(raw: JsonObject, project: string): PlatformError {
  return tell(raw, {
    errorId: nameOf(raw.eventID),
    group: nameOf(raw.groupID),
    at: utcInstant(raw.dateCreated),
    project,
    tags: tagsOf(raw.tags),
  });
}

/** Of a webhook, which writes the same in other words. */
export function readSentEvent(raw: JsonObject): PlatformError {
  return tell(raw, {
    errorId: nameOf(raw.event_id),
    group: nameOf(raw.issue_id),
    at: utcInstant(raw.datetime),
    // …/api/0/projects/<organization>/<project>/events/<id>/
    project: /\/projects\/[^/]+\/([^/]+)\/events\//.exec(textOf(raw.url) ?? '')?.[1],
    tags: tagsOf(raw.tags),
  });
}

/** The stage that the tags of an event name. */
export function stageOf(tags: unknown): string | undefined {
  return nameOf(tagsOf(tags).get('stage'));
}

/** `[{key, value}]` in the API, `[[key, value]]` in a webhook. */
function tagsOf(tags: unknown): Tags {
  const pairs = (Array.isArray(tags) ? tags : []).map((tag: unknown) =>
    Array.isArray(tag) ? tag : isObject(tag) ? [tag.key, tag.value] : [],
  );
  return new Map(
    pairs.filter((pair): pair is [string, string] => pair.every((part) => textOf(part)) && pair.length === 2),
  );
}

function tell(
  raw: JsonObject,
  of: {
    readonly errorId: string | undefined;
    readonly group: string | undefined;
    readonly at: string | undefined;
    readonly project: string | undefined;
    readonly tags: Tags;
  },
): PlatformError {
  const { errorId, group, at, project, tags } = of;
  const tag = (name: string) => nameOf(tags.get(name));
  const others = Object.fromEntries([...tags].filter(([name]) => !OWN_TAGS.has(name)));
  // Of a webhook alone: the list leaves it out.
  const extra = isObject(raw.extra) ? raw.extra : {};
  return {
    errorId,
    at,
    project,
    data: defined({
      errorId,
      component: tag('stage') ?? componentOf(raw.culprit),
      project: tag('repo') ?? project,
      level: tag('level') ?? nameOf(raw.level),
      message: messageOf(raw),
      fingerprint: group,
      runId: tag('run_id'),
      requestId: tag('request_id') ?? tag('requestId') ?? nameOf(extra.requestId),
      at,
      attributes: defined({
        prNumber: tag('pr_number'),
        origin: tag('source'),
        sentryProject: project,
        culprit: textOf(raw.culprit),
        platform: textOf(raw.platform),
        location: textOf(raw.location),
        tags: Object.keys(others).length === 0 ? undefined : others,
      }),
    }),
  };
}

/** An exception's type and value; what else was reported has a message. */
function messageOf(raw: JsonObject): string | undefined {
  const metadata = isObject(raw.metadata) ? raw.metadata : {};
  const [type, value] = [textOf(metadata.type), textOf(metadata.value)];
  if (type !== undefined && value !== undefined) return `${type}: ${value}`;
  return textOf(raw.message) ?? textOf(raw.title);
}
