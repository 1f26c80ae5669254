import { recordKey } from '../../contract/recordKey.ts';
import type { RecordOf, RunRecord } from '../../contract/records.ts';
import { allStatements } from '../allStatements.ts';
import type { Transaction } from '../transaction.ts';
import type { WorkingRecord } from '../workingSet.ts';

/** What a score is judged by. */
export interface Standard {
  readonly weights: Readonly<Record<string, number>> | undefined;
  readonly threshold: number | undefined;
}

type Kind = 'persona' | 'workflow';
type Blueprint = RecordOf<'persona'> | RecordOf<'workflow'>;

/**
 * Reads what personas and workflows say now of weights and threshold, for runs whose scores do not say it themselves.
 * @returns of a run: what its persona says, else its workflow; of its project before that for all projects.
 */
export async function loadStandards(
  { working }: Transaction,
  runs: readonly WorkingRecord[],
): Promise<(run: WorkingRecord) => Standard> {
  const wanted = runs.filter((run) => {
    const { quality } = docOf(run);
    return quality?.weights === undefined || quality.threshold === undefined;
  });
  await allStatements(
    (['persona', 'workflow'] as const).map((kind) =>
      working.load(
        kind,
        wanted.flatMap((run) => keysOf(kind, run)),
      ),
    ),
  );
  return (run) => {
    const said = (['persona', 'workflow'] as const).flatMap((kind) =>
      keysOf(kind, run).flatMap(
        ({ source, key }) => (working.find(kind, source, key)?.state?.doc as Blueprint | undefined) ?? [],
      ),
    );
    return {
      weights: said.find(({ scoreWeights }) => scoreWeights !== undefined)?.scoreWeights,
      threshold: said.find(({ scoreThreshold }) => scoreThreshold !== undefined)?.scoreThreshold,
    };
  };
}

const docOf = (run: WorkingRecord) => (run.state?.doc ?? {}) as RunRecord;

function keysOf(kind: Kind, run: WorkingRecord): { readonly source: string; readonly key: string }[] {
  const { [kind]: name, project } = docOf(run);
  const fields = [...(project === undefined ? [] : [{ [kind]: name, project }]), { [kind]: name }];
  return name === undefined ? [] : fields.map((f) => ({ source: run.source, key: recordKey(kind, f) as string }));
}
