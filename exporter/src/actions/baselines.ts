import type { ActionAnswer } from '../contract/actions.ts';
import { HttpError } from '../http/httpError.ts';
import type { Baseline } from '../ledger/quality/baseline.ts';
import type { Scope } from '../ledger/quality/evaluationRow.ts';
import { pinBaseline as pin, rebaseBaseline as rebase } from '../ledger/quality/replaceBaseline.ts';
import { type ActionContext, type ActionOutcome, defineAction, seesProject } from './action.ts';

/** The quality that a workflow is held to is what a builder says. */
export const pinBaseline = defineAction({
  name: 'pin_baseline',
  role: 'builder',
  summary: 'Pin the quality baseline of a workflow to a score; evaluated runs are judged by it from now on.',
  auditAs: 'baseline_pin',
  async run(context, { score: pinned, reason: why, ...of }) {
    await requireWorkflow(context, of);
    const baseline = await pin(context.tx, of, pinned, { actor: context.actor, reason: why });
    return outcome(of, baseline);
  },
});

/** What was normal is not any more: another model, another persona, another code base. */
export const rebaseBaseline = defineAction({
  name: 'rebase_baseline',
  role: 'builder',
  summary:
    'Have the quality baseline of a workflow made anew, of the next evaluated runs or of the first ones from a time on. Until it has enough there is none.',
  auditAs: 'baseline_rebase',
  async run(context, { from, reason: why, ...of }) {
    if (from !== undefined && from > context.at) {
      throw new HttpError(400, 'invalid_input', `from: found ${from}, expected a time up to now, ${context.at}`);
    }
    await requireWorkflow(context, of);
    const baseline = await rebase(context.tx, of, from, { actor: context.actor, reason: why });
    return outcome(of, baseline);
  },
});

/** A name that nothing has would make a baseline that nobody finds. @throws HttpError 404 */
async function requireWorkflow({ tx, principal }: ActionContext, { source, project, workflow }: Scope): Promise<void> {
  await tx.begin([], [source]);
  const { rows } = await tx.client.query(
    `select from fleetlens.run where source = $1 and coalesce(project, '') = $2 and coalesce(workflow, '') = $3 limit 1`,
    [source, project, workflow],
  );
  if (rows.length > 0 && seesProject(principal, project)) return;
  throw new HttpError(
    404,
    'not_found',
    `found no run of ${targetOf({ source, project, workflow })}, or none that you may see`,
  );
}

const targetOf = ({ source, project, workflow }: Scope) => `workflow ${source}/${project}/${workflow}`;

function outcome(
  of: Scope,
  { how, begins, score: points, collectsFrom }: Baseline,
): ActionOutcome<ActionAnswer<'pin_baseline'>> {
  return {
    answer: {
      baseline: {
        ...of,
        how,
        ...(points === undefined ? {} : { score: points }),
        since: begins,
        ...(collectsFrom === undefined ? {} : { collectsFrom }),
      },
    },
    audit: { project: of.project === '' ? undefined : of.project, target: targetOf(of) },
  };
}
