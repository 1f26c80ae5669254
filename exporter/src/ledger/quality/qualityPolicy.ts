/** How evaluated runs are judged; the same on every replica of a ledger. */
export interface QualityPolicy {
  /** A baseline is made of so many evaluations. */
  readonly baselineRuns: number;
  /** A composite score more than so many points below the baseline is a regression. */
  readonly margin: number;
}

/** "After the first few runs"; "more than 10 points below". */
export const DEFAULT_QUALITY_POLICY: QualityPolicy = { baselineRuns: 10, margin: 10 };

export function qualityPolicyOf({
  policy,
}: {
  readonly policy: { readonly quality?: QualityPolicy | undefined };
}): QualityPolicy {
  return policy.quality ?? DEFAULT_QUALITY_POLICY;
}
