import { countOf, defined, isObject, type JsonObject, utcInstant } from '../rows/textValues.ts';
import { componentOf } from './componentOf.ts';
import { nameOf, textOf } from './jsonTexts.ts';

type Data = Readonly<Record<string, unknown>>;

/** What Sentry says of an issue, its word for a group of errors; a list and a webhook say it in one shape. */
export interface Issue {
  readonly id: string | undefined;
  readonly project: string | undefined;
  readonly firstSeenAt: string | undefined;
  readonly lastSeenAt: string | undefined;
  /** Undefined where its culprit tells none. */
  readonly component: string | undefined;
  readonly isRegressed: boolean;
  /** How it is now, without component and kind. */
  readonly data: Data;
}

export function readIssue(raw: JsonObject): Issue {
  // A list of a period counts within it, and what it says of all times is beside; a webhook has no period.
  const lifetime = isObject(raw.lifetime) ? raw.lifetime : {};
  const ofAllTimes = (field: string): unknown => lifetime[field] ?? raw[field];
  const project = isObject(raw.project) ? nameOf(raw.project.slug) : undefined;
  const id = nameOf(raw.id);
  const lastSeenAt = utcInstant(ofAllTimes('lastSeen'));
  return {
    id,
    project,
    firstSeenAt: utcInstant(ofAllTimes('firstSeen')),
    lastSeenAt,
    component: componentOf(raw.culprit),
    isRegressed: raw.substatus === 'regressed',
    data: defined({
      fingerprint: id,
      project,
      title: textOf(raw.title),
      lastSeenAt,
      count: countOf(ofAllTimes('count')),
      url: textOf(raw.permalink) ?? textOf(raw.web_url),
      attributes: defined({
        shortId: textOf(raw.shortId),
        level: textOf(raw.level),
        status: textOf(raw.status),
        substatus: textOf(raw.substatus),
        priority: textOf(raw.priority),
        culprit: textOf(raw.culprit),
        platform: textOf(raw.platform),
        issueType: textOf(raw.issueType),
        issueCategory: textOf(raw.issueCategory),
        userCount: countOf(ofAllTimes('userCount')),
        isUnhandled: typeof raw.isUnhandled === 'boolean' ? raw.isUnhandled : undefined,
      }),
    }),
  };
}
