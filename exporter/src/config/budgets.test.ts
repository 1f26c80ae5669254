import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TemporaryDirectory, temporaryDirectory } from '../../../test/support/temporaryDirectory.ts';
import { budgetPolicyOf } from '../budgetPolicyOf.ts';
import { ConfigError, describeConfig, loadConfig } from '../config.ts';
import { sourceSchemas } from '../sources/createSource.ts';
import { budgetWarnings } from './budgetsSchema.ts';

/** As CodeCourier's handbook has it, to the letter. */
const HANDBOOK = `
budgets:
  workspace_monthly_usd: 5000
  per_repo_daily_usd:    200
  per_persona_run_usd:   25

actions_on_exceed:
  - notify slack channel #codecourier-budget
  - pause new sessions on the affected scope
  - require admin acknowledge to resume
`;

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory('config');
});
afterEach(() => directory.remove());

async function load(yaml: string) {
  const file = join(directory.path, 'fleetlens.yaml');
  await writeFile(file, yaml);
  return await loadConfig(file, { sourceSchemas, env: {} });
}

async function problems(yaml: string): Promise<string> {
  try {
    await load(yaml);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('expected the file to be refused');
}

describe('budgets', () => {
  it('are taken from the handbook as they stand there', async () => {
    const config = await load(HANDBOOK);
    expect(budgetPolicyOf(config)).toEqual({
      timeZone: 'UTC',
      limits: new Map([
        ['workspace_monthly', 5_000_000_000_000n],
        ['repo_daily', 200_000_000_000n],
        ['persona_run', 25_000_000_000n],
      ]),
      pauses: true,
      needsAcknowledgement: true,
      tells: [],
      pausers: [],
    });
    expect(budgetWarnings(config)).toEqual([expect.stringContaining('"notify slack channel" tells nobody')]);
  });

  it('tell the receiver of the channel, every Slack receiver where YAML took the channel for a comment, and others by name', async () => {
    const receivers = `
  notify:
    - {name: codecourier-budget, slack_webhook_url_file: slack}
    - {name: other, slack_webhook_url: "https://hooks.example.com/2", channel: "#else"}
    - {name: finance, url: "https://finance.example.com/x", headers: {X-Key: abc}, bearer_token: secret-of-finance}
`;
    await writeFile(join(directory.path, 'slack'), 'https://hooks.example.com/1\n');
    const tells = async (action: string) =>
      budgetPolicyOf(await load(`budgets:\n  per_repo_daily_usd: 1\n  actions_on_exceed: [${action}]${receivers}`))
        ?.tells;
    expect(await tells('"notify slack channel #codecourier-budget"')).toEqual(['notify:codecourier-budget']);
    expect(await tells('"notify slack channel #else", Notify finance')).toEqual(['notify:other', 'notify:finance']);
    expect(await tells('notify slack channel')).toEqual(['notify:codecourier-budget', 'notify:other']);
    expect(await problems(`budgets:\n  actions_on_exceed: ["notify slack channel #nowhere"]${receivers}`)).toContain(
      'budgets.actions_on_exceed[0]: found the channel #nowhere, expected one of #codecourier-budget, #else',
    );
    const shown = JSON.stringify(describeConfig(await load(`budgets:\n  per_repo_daily_usd: 1${receivers}`)));
    for (const secret of ['hooks.example.com', 'abc', 'secret-of-finance']) expect(shown).not.toContain(secret);
  });

  it.each([
    [
      'an action that is none',
      'budgets: {actions_on_exceed: [explode]}',
      '"explode", expected one of "notify slack channel #<channel>"',
    ],
    [
      'an unknown receiver',
      'budgets: {actions_on_exceed: [notify bob]}',
      'found the receiver "bob", and budgets.notify has none',
    ],
    [
      'actions in both places',
      'budgets: {actions_on_exceed: []}\nactions_on_exceed: []',
      'expected them in one of both places',
    ],
    ['actions without budgets', 'actions_on_exceed: [pause new sessions]', 'found actions and no budgets:'],
    ['a negative limit', 'budgets: {per_repo_daily_usd: -1}', 'budgets.per_repo_daily_usd'],
    ['a time zone that is none', 'budgets: {time_zone: Mars/Olympus}', 'expected an IANA time zone'],
    [
      'a receiver of nothing',
      'budgets: {notify: [{name: a}]}',
      'expected one of url or slack_webhook_url (or its _file), found none',
    ],
  ])('refuses %s', async (_name, yaml, expected) => {
    expect(await problems(yaml)).toContain(expected);
  });

  it('are none where every limit is 0', async () => {
    expect(budgetPolicyOf(await load('budgets: {per_repo_daily_usd: 0}'))).toBeUndefined();
  });
});
