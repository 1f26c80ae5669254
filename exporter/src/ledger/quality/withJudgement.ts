/**
 * SQL: a run's document with what the ledger knows of its evaluation: weights and threshold are those that judged it, whatever its
 * persona and workflow say by now, and the baseline is the one that it was compared with.
 * @param run alias of fleetlens.run
 * @param doc the document, or what is left of it
 */
export function withJudgement(run: string, doc: string): string {
  return `case when not ${run}.doc ? 'quality' then ${doc} else ${doc} || coalesce((
    select jsonb_build_object('quality', (${run}.doc -> 'quality') || jsonb_strip_nulls(jsonb_build_object(
      'weights', e.weights, 'threshold', e.threshold, 'thresholdMet', e.threshold_met, 'baseline', e.baseline,
      'belowBaseline', e.below > e.margin, 'belowBaselineBy', case when e.below > e.margin then e.below end)))
    from (select *, round((baseline - composite)::numeric, 9)::float8 as below from fleetlens.evaluation
      where source = ${run}.source and run_id = ${run}.key order by attempt desc limit 1) e), '{}') end`;
}
