import { amountOf, countOf, definedOrNothing, isObject, type JsonObject, jsonOf } from '../rows/textValues.ts';

export interface PhaseUsage {
  readonly phase: string;
  readonly service: string;
  readonly models: readonly string[];
  readonly providers: readonly string[];
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly costUsd: number | undefined;
  readonly attributes: JsonObject | undefined;
}

/**
 * Reads `llm_usage`: `{phases: {<phase>: {input_tokens, output_tokens, total_tokens, call_count, cost_usd, providers:
 * {<name>: calls}, models: {<name>: calls}}}, total}`. `total` is left alone: it is the sum of the phases, its call_count
 * counts phases, and it knows no models.
 */
export function readUsage(text: string | null | undefined): readonly PhaseUsage[] {
  const usage = jsonOf(text);
  const phases = isObject(usage) && isObject(usage.phases) ? usage.phases : {};
  return Object.entries(phases).flatMap(([phase, entry]) =>
    phase !== '' && isObject(entry) ? [readPhase(phase, entry)] : [],
  );
}

function readPhase(phase: string, entry: JsonObject): PhaseUsage {
  const providers = namesOf(entry.providers, entry.provider);
  const models = namesOf(entry.models, entry.model);
  return {
    phase,
    service: serviceOf(providers, models),
    models,
    providers,
    inputTokens: countOf(entry.input_tokens),
    outputTokens: countOf(entry.output_tokens),
    costUsd: amountOf(entry.cost_usd),
    attributes: definedOrNothing({
      callCount: countOf(entry.call_count),
      // Tokens are not told apart by model where a phase used several.
      models: models.length > 1 ? entry.models : undefined,
      providers: providers.length > 1 || serviceOf(providers, []) === 'other' ? entry.providers : undefined,
    }),
  };
}

function namesOf(counted: unknown, single: unknown): readonly string[] {
  if (isObject(counted)) return Object.keys(counted).filter((name) => name !== '');
  return typeof single === 'string' && single !== '' ? [single] : [];
}

const SERVICES: readonly { service: string; pattern: RegExp }[] = [
  { service: 'openrouter', pattern: /openrouter/i },
  { service: 'anthropic', pattern: /anthropic|claude/i },
  { service: 'openai', pattern: /openai|^gpt|^o\d/i },
];

/** The service that is paid, by the provider's name, else by the model's; `other` where it is unknown or more than one. */
function serviceOf(providers: readonly string[], models: readonly string[]): string {
  const names = providers.length > 0 ? providers : models;
  const services = new Set(names.map((name) => SERVICES.find(({ pattern }) => pattern.test(name))?.service ?? 'other'));
  const [service] = services;
  return services.size === 1 && service !== undefined ? service : 'other';
}
