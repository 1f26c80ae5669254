import { OWN_SOURCE } from '../contract/ownSource.ts';
import type { RunRecord } from '../contract/records.ts';
import { HttpError } from '../http/httpError.ts';
import { recordEvents } from '../ledger/recordEvents.ts';
import { isAcknowledged, isFailure } from '../ledger/runFailure.ts';
import { normaliseData } from '../normalise/normaliseEvent.ts';
import { defineAction, seesProject } from './action.ts';

/** A person has seen that a run failed: the failure no longer waits for somebody, and their note stays with the run. */
export const acknowledgeRun = defineAction({
  name: 'acknowledge_run',
  role: 'operator',
  summary: 'Acknowledge that a run failed or timed out, with a note that is kept with the run.',
  auditAs: 'run_acknowledge',
  async run({ tx, principal, actor, at }, { source, runId, note }) {
    await tx.begin([], [source]);
    await tx.working.load('run', [{ source, key: runId }]);
    // The fields of a record were validated with the contract's types when they entered.
    const run = tx.working.get('run', source, runId).state?.doc as RunRecord | undefined;
    const target = `run ${source}/${runId}`;
    if (run === undefined || !seesProject(principal, run.project)) {
      throw new HttpError(404, 'not_found', `found no ${target}, or none that you may see`);
    }
    if (!isFailure(run)) {
      throw new HttpError(
        409,
        'not_failed',
        `${target}: found status ${run.status ?? 'unknown'}, expected failed or timed_out; there is nothing to acknowledge`,
      );
    }
    const { key, fields } = normaliseData(
      'run',
      { runId, acknowledgedAt: at, acknowledgedBy: actor, acknowledgedNote: note },
      at,
    );
    if (isAcknowledged(run)) {
      const isSame = run.acknowledgedBy === actor && run.acknowledgedNote === fields.acknowledgedNote;
      // The same once more, after an answer that was lost.
      if (isSame) return { answer: { run: acknowledgement(run) } };
      const message = `${target}: found that ${run.acknowledgedBy ?? 'somebody'} acknowledged it at ${run.acknowledgedAt}, expected a failure that nobody has acknowledged`;
      throw new HttpError(409, 'already_acknowledged', message);
    }
    const event = { id: OWN_SOURCE, source, kind: 'run' as const, at, key, fields, addition: { by: OWN_SOURCE } };
    await recordEvents([event], tx.recording());
    const after = tx.working.get('run', source, runId).state?.doc as RunRecord;
    return { answer: { run: acknowledgement(after) }, audit: { project: run.project, target } };
  },
});

function acknowledgement({ source, runId, acknowledgedAt, acknowledgedBy, acknowledgedNote }: RunRecord) {
  return { source, runId, acknowledgedAt, acknowledgedBy, acknowledgedNote };
}
