import { css } from '@emotion/css';
import type { NavModelItem } from '@grafana/data';
import { PluginPage } from '@grafana/runtime';
import type { ReactNode } from 'react';

interface Props {
  readonly title: string;
  readonly subTitle?: string;
  /** The page of the list that it is in. */
  readonly list: NavModelItem;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A record's page, below the list that it is in. Its title may be a long id, which Grafana's own would not break. */
export function RecordPage({ title, subTitle, list, actions, children }: Props) {
  return (
    <PluginPage
      pageNav={{ text: title, parentItem: list }}
      renderTitle={(text) => <h1 className={titleClass}>{text}</h1>}
      subTitle={subTitle}
      actions={actions}
    >
      {children}
    </PluginPage>
  );
}

const titleClass = css({ overflowWrap: 'anywhere' });
