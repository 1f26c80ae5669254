import { expect, it } from 'vitest';
import { adapterOf, failedResult } from './adapterCalls.ts';

it.each([
  ['HTTP 401 Unauthorized', 'auth'],
  ['the refresh token has expired', 'auth'],
  ['Invalid API key', 'auth'],
  ['403 Forbidden', 'auth'],
  ['login failed for user svc', 'auth'],
  ['429 Too Many Requests', 'rate_limit'],
  ['ThrottlingException', 'rate_limit'],
  ['502 Bad Gateway', 'server'],
  ['upstream answered 503', 'server'],
  ['504 Gateway Timeout', 'server'],
  ['connect ECONNREFUSED 10.0.0.7:443', 'network'],
  ['httpx.ConnectTimeout: timed out', 'network'],
  ['[Errno -2] Name or service not known', 'network'],
  ["KeyError: 'order_id'", 'schema'],
  ['1 validation error for Order: field required', 'schema'],
  ['unexpected column "vat_no" in response', 'schema'],
  ['JSONDecodeError: Expecting value', 'schema'],
  ['order 4711 was already booked', 'other'],
  [undefined, 'other'],
])('%s is %s', (text, result) => {
  expect(failedResult(text)).toBe(result);
});

it('the first rule that fits names the adapter; without a name the step does', () => {
  const rules = [{ verb: 'FETCH', step: /^sap/, adapter: 'sap' }, { verb: 'fetch' }];
  expect(adapterOf(rules, 'FETCH', 'sap-orders')).toBe('sap');
  expect(adapterOf(rules, 'fetch', 'crm')).toBe('crm');
  expect(adapterOf(rules, 'TRANSFORM', 'crm')).toBeUndefined();
  expect(adapterOf(rules, undefined, 'crm')).toBeUndefined();
});
