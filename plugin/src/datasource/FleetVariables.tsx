import { CustomVariableSupport, type DataQueryRequest, type DataQueryResponse } from '@grafana/data';
import { getTemplateSrv } from '@grafana/runtime';
import { from, map, type Observable } from 'rxjs';
import type { FleetApi } from '../api/FleetApi';
import { valuesOf } from '../api/valuesOf';
import { lazily } from '../components/lazily';
import type { FleetDataSource } from './FleetDataSource';
import { interpolateFilters } from './interpolateQuery';
import type { FleetVariableQuery } from './types';

/** Variables of dashboards: the sources, projects, workflows, personas, models or statuses that there are. */
export class FleetVariables extends CustomVariableSupport<FleetDataSource, FleetVariableQuery> {
  readonly #api: FleetApi;
  editor = lazily(() => import(/* webpackChunkName: "variable-editor" */ './VariableEditor'));

  constructor(api: FleetApi) {
    super();
    this.#api = api;
  }

  query({ targets, scopedVars }: DataQueryRequest<FleetVariableQuery>): Observable<DataQueryResponse> {
    const [query] = targets;
    const filters = interpolateFilters(query ?? {}, getTemplateSrv(), scopedVars);
    const values = valuesOf(this.#api, query?.values ?? 'project', filters);
    return from(values).pipe(map((names) => ({ data: names.map((name) => ({ text: name, value: name })) })));
  }
}
