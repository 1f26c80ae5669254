import { expect, it } from 'vitest';
import { RequestPace } from './requestPace.ts';

it('no more requests go in a minute than allowed, and a pause saves up for a short burst only', () => {
  let now = 0;
  const pace = new RequestPace(1_200, () => now);
  const sent: number[] = [];
  const sendFor = (ms: number) => {
    const end = now + ms;
    while (now < end) {
      now += pace.reserve();
      sent.push(now);
    }
  };
  sendFor(60_000);
  expect(sent.length).toBeGreaterThan(1_200);
  expect(sent.length).toBeLessThanOrEqual(1_301);
  now += 3_600_000;
  const position = sent.length;
  sendFor(60_000);
  expect(sent.length - position).toBeLessThanOrEqual(1_301);
});
