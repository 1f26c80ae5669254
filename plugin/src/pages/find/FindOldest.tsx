import { Trans, t } from '@grafana/i18n';
import { Alert, EmptyState } from '@grafana/ui';
import { useQuery } from '@tanstack/react-query';
import { useFleetApi } from '../../api/FleetApiContext';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { VERBATIM } from '../../format/verbatim';
import { GoTo } from './GoTo';
import { OLDEST_STATES, type OldestState, readOldest } from './readOldest';

interface Props {
  readonly state: string;
  /** With the source, project and workflow of an alert; a label that it does not have is empty. */
  readonly parameters: URLSearchParams;
}

/** Opens what has been in a state for longest: what an alert is about. */
export function FindOldest({ state, parameters }: Props) {
  const known = OLDEST_STATES.find((one) => one === state);
  if (known === undefined)
    return (
      <Alert severity="warning" title={t('find.no-such-state', 'There is no such state')}>
        {t('find.states', 'Found {{state}}, expected one of {{states}}.', {
          state,
          states: OLDEST_STATES.join(', '),
          ...VERBATIM,
        })}
      </Alert>
    );
  return <Known state={known} parameters={parameters} />;
}

function Known({ state, parameters }: { state: OldestState; parameters: URLSearchParams }) {
  const { api, uid } = useFleetApi();
  const values = (name: string) => parameters.getAll(name).filter((value) => value !== '');
  const scope = { source: values('source'), project: values('project'), workflow: values('workflow') };
  const query = useQuery({
    queryKey: [uid, 'oldest', state, scope],
    queryFn: ({ signal }) => readOldest(api, state, scope, signal),
    // An alert is about now.
    gcTime: 0,
  });
  return (
    <QueryState query={query}>
      {({ one, all }) =>
        one !== undefined ? (
          <GoTo to={one} />
        ) : (
          <EmptyState
            variant="completed"
            message={t('find.none-left', 'Nothing is in this state any more: {{state}}', { state, ...VERBATIM })}
          >
            <PageLink to={all}>
              <Trans i18nKey="find.list">Open the list</Trans>
            </PageLink>
          </EmptyState>
        )
      }
    </QueryState>
  );
}
