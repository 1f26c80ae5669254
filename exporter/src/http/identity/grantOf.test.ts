import { describe, expect, it } from 'vitest';
import { grafanaSchema } from '../../config/grafanaSchema.ts';
import { type Claimed, type Grant, grantOf } from './grantOf.ts';

const ann: Claimed = { subject: 'user:1', login: 'ann', email: 'ann@fleet.example', role: 'Viewer' };

function granted(rules: Record<string, unknown>, who: Partial<Claimed> = {}, teams: readonly string[] = []) {
  const grafana = grafanaSchema.parse({ url: 'http://grafana', service_account_token: 't', ...rules });
  return grantOf({ ...ann, ...who }, grafana, async () => new Set(teams));
}

const viewersOfA = { Viewer: { role: 'viewer', projects: ['a'] } };
const shop = { name: 'shop', role: 'operator', projects: ['a'] };
const web = { name: 'web', role: 'operator', projects: ['b'] };
const sre = { name: 'sre', role: 'admin', projects: ['c'] };

describe('the basic role', () => {
  it.each<[Record<string, unknown>, Partial<Claimed>, Grant | undefined]>([
    [{}, {}, { role: 'viewer' }],
    [{}, { role: 'None' }, undefined],
    [{ role_map: { None: 'viewer' } }, { role: 'None' }, { role: 'viewer' }],
    [{ role_map: { Viewer: 'none' } }, {}, undefined],
    // What is not said stays as it was.
    [{ role_map: { Viewer: 'none' } }, { role: 'Editor' }, { role: 'operator' }],
    [{ role_map: viewersOfA }, {}, { role: 'viewer', projects: ['a'] }],
  ])('%j, %j: %j', async (rules, who, expected) => {
    expect(await granted(rules, who)).toEqual(expected);
  });
});

describe('an entry of their own', () => {
  it.each<[Record<string, unknown>, Partial<Claimed>, Grant | undefined]>([
    [{ login: 'Ann', role: 'admin' }, {}, { role: 'admin', projects: ['a'] }],
    [{ email: 'ANN@fleet.example', role: 'admin', projects: 'all' }, {}, { role: 'admin' }],
    [{ subject: 'user:1', projects: ['z'] }, {}, { role: 'viewer', projects: ['z'] }],
    [{ subject: 'user:1', projects: ['z'] }, { subject: 'user:10' }, { role: 'viewer', projects: ['a'] }],
    [{ login: 'ann', projects: ['z'] }, { role: 'None' }, undefined],
    [{ email: 'ann@fleet.example', role: 'admin' }, { email: undefined }, { role: 'viewer', projects: ['a'] }],
  ])('%j, %j: %j', async (entry, who, expected) => {
    expect(await granted({ role_map: viewersOfA, users: [entry], teams: [sre] }, who)).toEqual(expected);
  });

  it('goes before the teams', async () => {
    const users = [{ login: 'ann', role: 'viewer', projects: ['z'] }];
    expect(await granted({ users, teams: [sre] }, {}, ['sre'])).toEqual({ role: 'viewer', projects: ['z'] });
  });
});

describe('teams', () => {
  it.each<[readonly string[], Grant | undefined]>([
    [[], { role: 'viewer' }],
    [['shop'], { role: 'operator', projects: ['a'] }],
    [['shop', 'web'], { role: 'operator', projects: ['a', 'b'] }],
    // An admin of c is none of a: the projects are those of the team that gives the role.
    [['shop', 'sre'], { role: 'admin', projects: ['c'] }],
    [['shop', 'all'], { role: 'operator' }],
  ])('%j: %j', async (names, expected) => {
    const teams = [shop, web, sre, { name: 'all', role: 'operator', projects: 'all' }];
    expect(await granted({ teams }, {}, names)).toEqual(expected);
  });
});
