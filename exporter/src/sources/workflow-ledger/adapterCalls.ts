import type { ADAPTER_RESULTS } from '../../contract/records.ts';
import type { AdapterRule } from './config.ts';

type AdapterResult = (typeof ADAPTER_RESULTS)[number];

/** How the result of a failed adapter call follows from its error text: the first row that matches wins. */
const RESULTS: readonly { result: AdapterResult; pattern: RegExp }[] = [
  { result: 'rate_limit', pattern: /rate.?limit|too many requests|\b429\b|quota exceeded|throttl/i },
  {
    result: 'auth',
    pattern:
      /\b40[13]\b|unauthori[sz]ed|forbidden|permission denied|authenticat|credential|(key|token|password|secret|session).{0,30}(invalid|expired|revoked|missing|wrong)|(invalid|expired|revoked|missing|wrong).{0,30}(key|token|password|secret|session)|log.?in failed/i,
  },
  { result: 'server', pattern: /\b5\d\d\b|internal server error|bad gateway|service unavailable|gateway time-?out/i },
  {
    result: 'network',
    pattern:
      /ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|time.?d? ?out|connection|connect(or)? error|dns|name or service not known|unreachable|socket|network|\b(ssl|tls)\b|certificate/i,
  },
  {
    result: 'schema',
    pattern:
      /schema|validation|unexpected (field|column|key|type|response|token|shape|format)|(missing|unknown|no such|required) (field|column|key|property|attribute)|KeyError|field required|(cannot|could not|failed to) (parse|decode|deserialize)|JSONDecodeError|malformed|invalid json|\b422\b/i,
  },
];

/** @returns the result of a call that failed with this text. */
export function failedResult(error: string | undefined): AdapterResult {
  return RESULTS.find(({ pattern }) => pattern.test(error ?? ''))?.result ?? 'other';
}

/** @returns the adapter that a step talks to, by the first rule that fits; undefined where it talks to none. */
export function adapterOf(
  rules: readonly AdapterRule[],
  verb: string | undefined,
  step: string | undefined,
): string | undefined {
  const rule = rules.find(
    (candidate) =>
      candidate.verb.toUpperCase() === verb?.toUpperCase() &&
      (candidate.step === undefined || candidate.step.test(step ?? '')),
  );
  return rule === undefined ? undefined : (rule.adapter ?? step);
}
