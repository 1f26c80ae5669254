import type { ClientBase } from 'pg';
import type { NormalisedEvent } from '../contract/events.ts';
import type { Addition } from './addToRun.ts';
import type { EventDigest } from './dedupeEvents.ts';
import type { EventToRecord } from './recordEvents.ts';

/** Which runs a pushed addition is about: those that made this pull request. */
export interface AboutPullRequest {
  /** Its page, in lower case. */
  readonly url: string;
  /** The sources whose runs it may add to. */
  readonly runsOf: readonly string[];
  /** {@link Addition.part} */
  readonly part: boolean;
}

/** An event as it is pushed. With `about` its `source` is who says it, and whose runs it adds to is found when it is written. */
export type PushedEvent = NormalisedEvent & {
  readonly about?: AboutPullRequest;
  /** What its sender said, where the event has more than that (when it came): sent again, that alone tells whether it is the same. */
  readonly said?: string;
  /** Its source is read by a poller, whose word alone the state of the source is. */
  readonly isPolled?: boolean;
  /** Made where the event came in, while the writer is at other work; default: when it is written. */
  readonly digest?: EventDigest;
};

/** @returns what each of these events adds to each run that it is about; nothing for events of a record of their own. */
export async function findAddedTo(
  client: ClientBase,
  events: readonly PushedEvent[],
): Promise<(EventToRecord & { readonly addition: Addition })[]> {
  const asked = events.flatMap((event) => (event.about === undefined ? [] : [{ event, about: event.about }]));
  if (asked.length === 0) return [];
  const { rows } = await client.query<{ source: string; key: string; url: string }>({
    name: 'runs_of_pull_request',
    text: `select source, key, lower(doc #>> '{pullRequest,url}') as url from fleetlens.run
      where lower(doc #>> '{pullRequest,url}') = any($1::text[]) and source = any($2::text[])`,
    values: [asked.flatMap(({ about }) => [about.url, `${about.url}/`]), asked.flatMap(({ about }) => about.runsOf)],
  });
  return asked.flatMap(({ event: { about: _about, ...event }, about }) =>
    rows
      .filter(({ source, url }) => url.replace(/\/$/, '') === about.url && about.runsOf.includes(source))
      .map(({ source, key }) => ({ ...event, source, key, addition: { by: event.source, part: about.part } })),
  );
}
