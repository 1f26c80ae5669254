import type { DataSourceInstanceSettings } from '@grafana/data';
import { getDataSourceSrv } from '@grafana/runtime';
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import { DATA_SOURCE_ID } from '../constants';
import { FleetApi } from './FleetApi';

export interface FleetApiSource {
  readonly api: FleetApi;
  /** Of the data source that is asked. */
  readonly uid: string;
  readonly name: string;
}

const Context = createContext<FleetApiSource | undefined>(undefined);

/** @returns every data source of ours: Grafana lists its own built-in ones whatever type it is asked for. */
export function fleetSources(): DataSourceInstanceSettings[] {
  return getDataSourceSrv()
    .getList({ type: DATA_SOURCE_ID })
    .filter(({ type }) => type === DATA_SOURCE_ID);
}

/** @returns the data source that pages ask: the chosen one, else the default or first of ours; undefined where there is none. */
export function findFleetSource(uid?: string): DataSourceInstanceSettings | undefined {
  const all = fleetSources();
  return all.find((settings) => settings.uid === uid) ?? all.find(({ isDefault }) => isDefault) ?? all[0];
}

export function FleetApiProvider({
  settings,
  children,
}: {
  settings: DataSourceInstanceSettings;
  children: ReactNode;
}) {
  const { uid, name, url = '' } = settings;
  const value = useMemo(() => ({ api: new FleetApi(url), uid, name }), [url, uid, name]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

/** @throws Error outside of a {@link FleetApiProvider} */
export function useFleetApi(): FleetApiSource {
  const source = useContext(Context);
  if (source === undefined) throw new Error('expected a FleetApiProvider around this component');
  return source;
}
