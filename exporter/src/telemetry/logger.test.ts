import type { Logger } from 'pino';
import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

function linesOf(level: string, write: (log: Logger) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLogger({ level, destination: { write: (line) => lines.push(line) } }));
  for (const line of lines) expect(line.endsWith('\n')).toBe(true);
  return lines.map((line) => JSON.parse(line));
}

describe('createLogger', () => {
  it('writes a JSON object a line with an ISO time and the name of its level', () => {
    const [line] = linesOf('info', (log) => log.info({ runs: 3 }, 'polled'));
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      runs: 3,
      msg: 'polled',
    });
  });

  it('leaves out what is below its level', () => {
    expect(linesOf('warn', (log) => log.info('quiet'))).toEqual([]);
  });

  it.each([
    [
      'a header',
      (log: Logger) => log.info({ req: { headers: { authorization: 'Bearer s3cr3t', cookie: 's3cr3t=1' } } }),
    ],
    ['a deep key', (log: Logger) => log.info({ a: { b: [{ c: { token: 's3cr3t' } }] } })],
    ['a number', (log: Logger) => log.info({ password: 525252 })],
    ['an object', (log: Logger) => log.info({ secret: { value: 's3cr3t' } })],
    ['a URL in a message', (log: Logger) => log.info('connecting to postgres://me:s3cr3t@db:5432/fleet')],
    ['a URL in an error', (log: Logger) => log.error(new Error('cannot reach redis://:s3cr3t@cache'))],
    ['a cause', (log: Logger) => log.error({ err: new Error('a', { cause: new Error('amqp://u:s3cr3t@q') }) })],
    ['a token in a message', (log: Logger) => log.warn('sent Authorization: Bearer s3cr3ts3cr3ts3cr3t')],
    ['a child binding', (log: Logger) => log.child({ api_key: 's3cr3t' }).info('x')],
  ])('hides a secret in %s and stays JSON', (_where, write) => {
    const lines = linesOf('info', write);
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).toContain('[REDACTED]');
    expect(JSON.stringify(lines)).not.toMatch(/s3cr3t|525252/);
  });

  it('keeps what only looks like a secret: token counts and the text around one', () => {
    const [line] = linesOf('info', (log) =>
      log.info({ input_tokens: 1200, key: 'run-7' }, 'see http://localhost:80/ and mail a@b "quoted"'),
    );
    expect(line).toMatchObject({
      input_tokens: 1200,
      key: 'run-7',
      msg: 'see http://localhost:80/ and mail a@b "quoted"',
    });
  });
});
