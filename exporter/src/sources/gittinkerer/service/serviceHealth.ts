import { amountOf, defined, isObject, type JsonObject } from '../../rows/textValues.ts';
import type { PulledRecord } from '../../source.ts';
import type { ServiceConfig } from '../config.ts';
import type { ServiceAnswer } from './serviceClient.ts';

/** What the stores of the platform are called in the service's answer, and here. */
const STORES: Readonly<Record<string, string>> = { database: 'postgres', redis: 'redis' };
const FIELDS = new Set(['status', 'timestamp', 'uptime', 'version', 'components']);

interface Component {
  readonly up?: boolean;
  readonly rawStatus?: string;
  readonly latencySeconds?: number;
  readonly error?: string;
}

/**
 * An answer of `GET /health` as records: the service, and the stores that nobody else reads.
 * @param readElsewhere stores whose state this source reads itself; what the service says of them stays with the service.
 * @returns undefined where the answer is no health answer.
 */
export function mapHealth(
  answer: ServiceAnswer,
  config: ServiceConfig,
  readElsewhere: ReadonlySet<string>,
  at: string,
): PulledRecord[] | undefined {
  const { body } = answer;
  const rawStatus = textOf(body?.status);
  if (body === undefined || rawStatus === undefined) return undefined;
  const isWell = (word: string) => config.healthy.includes(word.toLowerCase());
  const components = Object.fromEntries(
    Object.entries(isObject(body.components) ? body.components : {}).flatMap(([name, component]) => {
      const read = readComponent(component, isWell, config.latency_unit);
      return read === undefined ? [] : [[name, read]];
    }),
  );
  const up = answer.status >= 200 && answer.status < 300 && isWell(rawStatus);
  const broken = Object.entries(components).filter(([, { up: works }]) => works === false);
  const others = Object.fromEntries(Object.entries(body).filter(([name]) => !FIELDS.has(name)));
  const service: PulledRecord = {
    kind: 'service',
    at,
    data: defined({
      service: config.name,
      at,
      up,
      rawStatus,
      version: textOf(body.version),
      uptimeSeconds: amountOf(body.uptime),
      latencySeconds: answer.latencySeconds,
      components: Object.keys(components).length === 0 ? undefined : components,
      error: up
        ? null
        : {
            kind: 'other',
            message:
              broken.length === 0
                ? `${rawStatus} (HTTP ${answer.status})`
                : broken.map(([name, { error, rawStatus: word }]) => `${name}: ${error ?? word}`).join('; '),
          },
      attributes: defined({ saidAt: textOf(body.timestamp), httpStatus: answer.status, ...others }),
    }),
  };
  const stores = Object.entries(components).flatMap(([name, component]) => {
    const store = STORES[name];
    return store === undefined || readElsewhere.has(store) ? [] : [storeOf(store, component, at)];
  });
  return [service, ...stores];
}

/** The record of a service that gave no answer of its own. */
export function serviceDown(config: ServiceConfig, message: string, at: string): PulledRecord {
  const kind = /no answer within/.test(message) ? 'timeout' : 'connection';
  return { kind: 'service', at, data: { service: config.name, at, up: false, error: { kind, message } } };
}

function readComponent(value: unknown, isWell: (word: string) => boolean, unit: 'ms' | 's'): Component | undefined {
  const component: JsonObject | undefined = isObject(value)
    ? value
    : typeof value === 'string'
      ? { status: value }
      : undefined;
  if (component === undefined) return undefined;
  const rawStatus = textOf(component.status);
  const latency = amountOf(component.latency);
  // Said once, as `rawStatus` and in seconds.
  const { status: _status, latency: _latency, error: _error, ...others } = component;
  return {
    ...others,
    ...defined({
      rawStatus,
      up: rawStatus === undefined ? undefined : isWell(rawStatus) || rawStatus.toLowerCase() === 'connected',
      latencySeconds: latency === undefined ? undefined : unit === 'ms' ? latency / 1000 : latency,
      error: textOf(component.error) ?? (isObject(component.error) ? textOf(component.error.message) : undefined),
    }),
  } as Component; // `defined` leaves out what is undefined, which its type does not say.
}

function storeOf(store: string, { up, latencySeconds, error }: Component, at: string): PulledRecord {
  const kind =
    error === undefined
      ? undefined
      : /time.?d? ?out/i.test(error)
        ? 'timeout'
        : /connect/i.test(error)
          ? 'connection'
          : 'other';
  return {
    kind: 'store',
    at,
    data: defined({ store, at, up, latencySeconds, error: error === undefined ? null : { kind, message: error } }),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
