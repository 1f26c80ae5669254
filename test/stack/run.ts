/** `npm run stack`: the services of docker-compose.yml as processes on loopback, with the demo fleet, until Ctrl-C. */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/freePort.ts';
import { type Ports, USUAL_PORTS } from './places.ts';
import { startStack } from './startStack.ts';

const HELP = `npm run stack -- [options]

  --data-dir <directory>  what the stack keeps (default data/stack); delete it to begin anew
  --database-url <url>    the ledger's Postgres (default an embedded one); the simulated fleet goes into it
  --days <days>           days of the demo fleet's history (default 14); 0: no fleet, the ledger stays empty
  --no-history            Prometheus begins now; default: a new one is given the fleet's history
  --free-ports            any free ports instead of ${Object.values(USUAL_PORTS).join(', ')}`;

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string', default: 'data/stack' },
    'database-url': { type: 'string' },
    days: { type: 'string', default: '14' },
    history: { type: 'boolean', default: true },
    'free-ports': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
  allowNegative: true,
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const asked = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => asked.abort(new Error(`stopped by ${signal}`)));

try {
  console.log('The stack starts:');
  const stack = await startStack({
    directory: resolve(values['data-dir']),
    ports: values['free-ports'] ? await freePorts() : USUAL_PORTS,
    databaseUrl: values['database-url'],
    days: Number(values.days),
    history: values.history,
    signal: asked.signal,
    tell: (text) => console.log(text),
  });
  console.log('Everything is up. Ctrl-C stops it.');
  try {
    await Promise.race([asked.signal.aborted || once(asked.signal, 'abort'), stack.failed]);
  } finally {
    console.log('Stopping.');
    await stack.stop();
  }
  console.log('Everything has ended.');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function freePorts(): Promise<Ports> {
  const names = Object.keys(USUAL_PORTS) as (keyof Ports)[];
  const ports = await Promise.all(names.map(async (name) => [name, await freePort()] as const));
  return Object.fromEntries(ports) as unknown as Ports;
}
