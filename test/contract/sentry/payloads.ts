import { ago } from './sentryBed.ts';

const ACTOR = { id: 'sentry', name: 'Sentry', type: 'application' };
const INSTALLATION = { uuid: 'a8e5d37a-696c-4c54-adb5-b3f28d64c7de' };
/** As Sentry writes times in webhooks. */
export const exactly = (at: string) => at.replace('Z', '.391000Z');

/** The shape of Sentry's own example ("Integration Platform: Issues"). */
export function issuePayload(action: string, changes: object = {}) {
  const at = exactly(ago(60));
  const issue = {
    annotations: [],
    assignedTo: null,
    count: '1',
    culprit: '?(runner)',
    firstSeen: at,
    hasSeen: false,
    id: '1170820242',
    lastSeen: at,
    level: 'error',
    logger: null,
    metadata: { filename: '/runner', type: 'ReferenceError', value: 'blooopy is not defined' },
    permalink: null,
    platform: 'javascript',
    project: { id: '1', name: 'bot', platform: '', slug: 'bot' },
    shortId: 'BOT-9',
    status: 'unresolved',
    statusDetails: {},
    substatus: 'new',
    title: 'ReferenceError: blooopy is not defined',
    type: 'error',
    url: 'https://sentry.io/api/0/organizations/acme/issues/1170820242/',
    web_url: 'https://sentry.io/organizations/acme/issues/1170820242/',
    userCount: 1,
    ...changes,
  };
  return { action, actor: ACTOR, data: { issue }, installation: INSTALLATION };
}

/** The shape of Sentry's own examples ("Errors", "Issue Alerts"). */
export function sentError(changes: object = {}, project = 'bot') {
  const at = ago(60);
  return {
    _ref: 1293919,
    culprit: '?(runner)',
    datetime: exactly(at),
    event_id: 'bb78c1407cea4519aa397afc059c793d',
    exception: { values: [{ type: 'ReferenceError', value: 'blooopy is not defined' }] },
    fingerprint: ['{{ default }}'],
    issue_url: 'https://sentry.io/api/0/issues/1170820242/',
    issue_id: '1170820242',
    level: 'error',
    location: '/runner',
    message: '',
    metadata: { filename: '/runner', type: 'ReferenceError', value: 'blooopy is not defined' },
    platform: 'javascript',
    project: 1,
    tags: [
      ['stage', 'production'],
      ['run_id', 'run-1'],
      ['browser', 'Chrome 75'],
      ['level', 'error'],
      ['user', 'ip:162.217.75.90'],
    ],
    timestamp: Date.parse(at) / 1000,
    title: 'ReferenceError: blooopy is not defined',
    type: 'error',
    url: `https://sentry.io/api/0/projects/acme/${project}/events/bb78c1407cea4519aa397afc059c793d/`,
    user: { ip_address: '162.218.85.90' },
    web_url: 'https://sentry.io/organizations/acme/issues/1170820242/events/bb78c1407cea4519aa397afc059c793d/',
    ...changes,
  };
}
export const errorPayload = (error = sentError()) => ({
  action: 'created',
  actor: ACTOR,
  data: { error },
  installation: INSTALLATION,
});
export const alertPayload = (event = sentError(), rule: unknown = 'Very important alert') => ({
  action: 'triggered',
  actor: ACTOR,
  data: { event, triggered_rule: rule },
  installation: INSTALLATION,
});
