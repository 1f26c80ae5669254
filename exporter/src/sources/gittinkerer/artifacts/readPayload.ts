import { defined, definedOrNothing, isObject, type JsonObject } from '../../rows/textValues.ts';

/** What payload.json says of the run: the original webhook of GitHub, or what the web page sent. */
export interface PayloadFacts {
  readonly project: string | undefined;
  readonly workflow: string | undefined;
  readonly name: string | undefined;
  readonly origin: 'pr' | 'issue' | 'web' | undefined;
  readonly pullRequest: JsonObject | undefined;
  readonly metadata: JsonObject | undefined;
  readonly sourceUrl: string | undefined;
}

/** Longest text of others (a comment, a title) that is kept beside the run; the file itself is among the artifacts. */
const MAX_TEXT = 4_000;

/** The workflow is the use case of the platform that such a payload goes to (service/src/usecases). */
export function readPayload(payload: JsonObject): PayloadFacts {
  const repository = at(payload, 'repository');
  const issue = at(payload, 'issue');
  const pull = at(issue, 'pull_request');
  const comment = at(payload, 'comment');
  const isPull = at(payload, 'pull_request') !== undefined || pull !== undefined;
  const conversationId = text(payload, 'web_conversation_id') ?? text(payload, 'conversation_id');
  const number = numberOf(at(payload, 'pull_request') ?? issue, 'number') ?? numberOf(payload, 'number', 'pr_number');
  const project = text(repository, 'full_name') ?? text(payload, 'repo') ?? textOf(payload.repository);
  const from = at(payload, 'pull_request') ?? issue;
  const said = text(payload, 'payload_source', 'source');
  return {
    project,
    workflow: comment !== undefined ? 'handleIssueComment' : isPull ? 'handlePullRequest' : undefined,
    name: text(from, 'title'),
    origin: isPull
      ? 'pr'
      : issue !== undefined
        ? 'issue'
        : conversationId !== undefined || said === 'web'
          ? 'web'
          : undefined,
    pullRequest: isPull
      ? definedOrNothing({ url: text(pull, 'html_url') ?? text(from, 'html_url'), number })
      : undefined,
    sourceUrl: text(comment, 'html_url') ?? text(from, 'html_url') ?? text(repository, 'html_url'),
    metadata: definedOrNothing({
      action: text(payload, 'action'),
      number,
      payloadSource: said,
      sender: text(at(payload, 'sender'), 'login'),
      author: text(at(from, 'user'), 'login'),
      comment:
        comment === undefined ? undefined : defined({ body: text(comment, 'body'), url: text(comment, 'html_url') }),
      head: text(at(from, 'head'), 'ref'),
      headSha: text(at(from, 'head'), 'sha'),
      base: text(at(from, 'base'), 'ref'),
      installationId: numberOf(at(payload, 'installation'), 'id'),
      conversationId,
    }),
  };
}

function at(object: unknown, name: string): JsonObject | undefined {
  const value = isObject(object) ? object[name] : undefined;
  return isObject(value) ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : undefined;
}

function text(object: JsonObject | undefined, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = textOf(object?.[name]);
    if (value !== undefined) return value;
  }
  return undefined;
}

function numberOf(object: JsonObject | undefined, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = Number(object?.[name] ?? Number.NaN);
    if (Number.isSafeInteger(value) && value >= 0) return value;
  }
  return undefined;
}
