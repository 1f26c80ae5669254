import type { NOTIFICATION_TYPES } from '@contract/records.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2, IconName } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { Alert, Button, EmptyState, RadioButtonGroup, useStyles2 } from '@grafana/ui';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { usePageParameters } from '../../app/usePageParameters';
import { ListPaging } from '../../components/ListPaging';
import { Mark, type MarkTone } from '../../components/Mark';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { TimeAgo } from '../../components/TimeAgo';
import { LiveIndicator } from '../../live/LiveIndicator';
import { useLiveRefetch } from '../../live/useLive';

type Notification = Listed<'notification'>;
type NotificationType = (typeof NOTIFICATION_TYPES)[number];
const PAGE_SIZE = 50;
const STATES = ['unread', 'read', 'dismissed'] as const;

/** `inbox`: the notifications of who is signed in. */
export default function InboxPage() {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const [parameters, change] = usePageParameters();
  const state = STATES.find((name) => name === parameters.get('state')) ?? 'unread';
  const cursor = parameters.get('cursor') ?? undefined;
  const client = useQueryClient();
  const queryKey = [uid, 'notifications', state, cursor];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => api.list<'notification'>('notifications', { state, limit: PAGE_SIZE, cursor }, { signal }),
    placeholderData: keepPreviousData,
  });
  const unread = useQuery({
    queryKey: [uid, 'notifications', 'unread-count'],
    queryFn: ({ signal }) => api.get<{ unread: number }>('/api/v1/notifications/unread-count', {}, { signal }),
  });
  useLiveRefetch(['notifications'], [uid, 'notifications']);
  const mark = useMutation({
    mutationFn: ({ action, input }: { action: string; input: Readonly<Record<string, unknown>> }) =>
      api.act(action, input),
    onSettled: () => client.invalidateQueries({ queryKey: [uid, 'notifications'] }),
  });
  const markOne = (action: string, { source, notificationId }: Notification) =>
    mark.mutate({ action, input: { source, notificationId } });
  const labels = {
    unread: t('inbox.unread', 'Unread'),
    read: t('inbox.read', 'Read'),
    dismissed: t('inbox.dismissed', 'Dismissed'),
  };
  const count = unread.data?.unread;
  return (
    <PluginPage pageNav={menuPage(t('inbox.title', 'Inbox'), links.inbox())} actions={<LiveIndicator />}>
      <div className={styles.bar}>
        <RadioButtonGroup
          aria-label={t('inbox.state', 'Which notifications')}
          options={STATES.map((value) => ({
            value,
            label: value === 'unread' && count !== undefined ? `${labels.unread} (${count})` : labels[value],
          }))}
          value={state}
          onChange={(value) => change({ state: value, cursor: undefined })}
        />
        <Button
          variant="secondary"
          disabled={count === 0 || mark.isPending}
          onClick={() => mark.mutate({ action: 'read_all_notifications', input: {} })}
        >
          <Trans i18nKey="inbox.read-all">Mark all as read</Trans>
        </Button>
      </div>
      {mark.error !== null && <Alert severity="error" title={mark.error.message} />}
      <QueryState
        query={query}
        isEmpty={({ data }) => data.length === 0}
        empty={<EmptyState variant="completed" message={t('inbox.empty', 'Nothing here: you have seen everything')} />}
      >
        {({ data, nextCursor }) => (
          <>
            <ul className={styles.list}>
              {data.map((notification) => (
                <li key={`${notification.source}/${notification.notificationId}`} className={styles.row}>
                  <TypeMark type={notification.type} />
                  <div className={styles.text}>
                    <Subject notification={notification} />
                    <div className={styles.secondary}>
                      {[notification.source, notification.project].filter((part) => part !== undefined).join(' · ')}
                    </div>
                  </div>
                  <TimeAgo at={notification.createdAt} />
                  <div className={styles.actions}>
                    {state === 'unread' && (
                      <Button size="sm" variant="secondary" onClick={() => markOne('read_notification', notification)}>
                        <Trans i18nKey="inbox.mark-read">Mark as read</Trans>
                      </Button>
                    )}
                    {state !== 'dismissed' && (
                      <Button size="sm" fill="text" onClick={() => markOne('dismiss_notification', notification)}>
                        <Trans i18nKey="inbox.dismiss">Dismiss</Trans>
                      </Button>
                    )}
                  </div>
                </li>
              ))}
            </ul>
            <ListPaging
              cursor={cursor}
              next={nextCursor ?? undefined}
              isBusy={query.isPlaceholderData}
              size={PAGE_SIZE}
            />
          </>
        )}
      </QueryState>
    </PluginPage>
  );
}

/** What it is about, with a link to there. */
function Subject({ notification }: { notification: Notification }) {
  const { source, title, type, runId, chainId, notificationId } = notification;
  const text = title ?? (type === undefined ? notificationId : typeLabel(type));
  if (runId !== undefined) return <PageLink to={links.run(source, runId)}>{text}</PageLink>;
  if (chainId !== undefined) return <PageLink to={links.chain(source, chainId)}>{text}</PageLink>;
  return text;
}

const TYPES: Readonly<Record<NotificationType, readonly [MarkTone, IconName]>> = {
  run_completed: ['success', 'check-circle'],
  run_failed: ['error', 'times-circle'],
  pr_created: ['info', 'code-branch'],
  pr_merged: ['success', 'check'],
  pr_failed: ['error', 'exclamation-triangle'],
  member_joined: ['neutral', 'user'],
  workflow_completed: ['success', 'process'],
  sprint_completed: ['success', 'link'],
  sprint_failed: ['error', 'link'],
};

function TypeMark({ type }: { type: NotificationType | undefined }) {
  if (type === undefined) return null;
  const [tone, icon] = TYPES[type];
  return (
    <Mark tone={tone} icon={icon}>
      {typeLabel(type)}
    </Mark>
  );
}

function typeLabel(type: NotificationType): string {
  switch (type) {
    case 'run_completed':
      return t('inbox.type.run-completed', 'Run completed');
    case 'run_failed':
      return t('inbox.type.run-failed', 'Run failed');
    case 'pr_created':
      return t('inbox.type.pr-created', 'PR created');
    case 'pr_merged':
      return t('inbox.type.pr-merged', 'PR merged');
    case 'pr_failed':
      return t('inbox.type.pr-failed', 'PR failed');
    case 'member_joined':
      return t('inbox.type.member-joined', 'Member joined');
    case 'workflow_completed':
      return t('inbox.type.workflow-completed', 'Workflow completed');
    case 'sprint_completed':
      return t('inbox.type.sprint-completed', 'Chain completed');
    case 'sprint_failed':
      return t('inbox.type.sprint-failed', 'Chain failed');
  }
}

const getStyles = (theme: GrafanaTheme2) => ({
  bar: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(2), marginBottom: theme.spacing(2) }),
  list: css({ listStyle: 'none', padding: 0 }),
  row: css({
    display: 'grid',
    gridTemplateColumns: '170px minmax(0, 1fr) 130px 210px',
    gap: theme.spacing(2),
    padding: theme.spacing(1.5, 1),
    borderBottom: `1px solid ${theme.colors.border.weak}`,
    [theme.breakpoints.down('md')]: { gridTemplateColumns: 'minmax(0, 1fr)', gap: theme.spacing(0.5) },
  }),
  text: css({ overflowWrap: 'anywhere' }),
  secondary: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
  actions: css({ display: 'flex', gap: theme.spacing(1) }),
});
