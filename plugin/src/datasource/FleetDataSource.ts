import {
  type AnnotationQuery,
  type DataQueryRequest,
  type DataQueryResponse,
  DataSourceApi,
  type DataSourceInstanceSettings,
  LoadingState,
  type ScopedVars,
  type TestDataSourceResponse,
} from '@grafana/data';
import { getTemplateSrv } from '@grafana/runtime';
import { merge, Observable } from 'rxjs';
import { ApiFailure } from '../api/ApiFailure';
import { FleetApi } from '../api/FleetApi';
import { answerQuery, topicsOf } from './answerQuery';
import { checkConnection } from './checkConnection';
import { FleetVariables } from './FleetVariables';
import { interpolateQuery } from './interpolateQuery';
import { DEFAULT_QUERY, type FleetQuery, type FleetSourceOptions } from './types';

const DEFAULT_ANNOTATION = { queryType: 'events', events: ['failed_runs'] } as const satisfies Partial<FleetQuery>;
/** Changes that come together are one new answer. */
const GATHER_MS = 1_000;

/** The exporter's records as data frames: for dashboards, Explore, variables and annotations. */
export class FleetDataSource extends DataSourceApi<FleetQuery, FleetSourceOptions> {
  readonly api: FleetApi;

  constructor(settings: DataSourceInstanceSettings<FleetSourceOptions>) {
    super(settings);
    this.api = new FleetApi(settings.url ?? '');
    this.variables = new FleetVariables(this.api);
    // The query editor serves annotations too; frames of `events` have the names that Grafana looks for. Grafana asks nothing for
    // an annotation without a target, which a new one is, whatever getDefaultQuery would have its editor show.
    this.annotations = {
      prepareAnnotation: (annotation: AnnotationQuery<FleetQuery>) =>
        annotation.target?.queryType === undefined
          ? { ...annotation, target: { refId: 'Anno', ...annotation.target, ...DEFAULT_ANNOTATION } }
          : annotation,
    };
  }

  override getDefaultQuery(): Partial<FleetQuery> {
    return DEFAULT_QUERY;
  }

  override filterQuery({ hide }: FleetQuery): boolean {
    return hide !== true;
  }

  override interpolateVariablesInQueries(queries: FleetQuery[], scoped: ScopedVars): FleetQuery[] {
    return queries.map((query) => interpolateQuery(query, getTemplateSrv(), scoped));
  }

  override query(request: DataQueryRequest<FleetQuery>): Observable<DataQueryResponse> {
    const answers = request.targets
      .filter((query) => this.filterQuery(query))
      .map((query) => this.#answers({ ...DEFAULT_QUERY, ...query } as FleetQuery, request));
    return merge(...answers);
  }

  /** One answer; of a live query a new one after each change, until nobody listens. */
  #answers(asked: FleetQuery, { range, scopedVars }: DataQueryRequest<FleetQuery>): Observable<DataQueryResponse> {
    const query = interpolateQuery(asked, getTemplateSrv(), scopedVars);
    const topics = query.live === true ? topicsOf(query) : [];
    const key = query.refId;
    return new Observable((subscriber) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let asking = false;
      let isStale = false;
      const answer = async () => {
        asking = true;
        isStale = false;
        try {
          const data = await answerQuery(this.api, query, range);
          subscriber.next({ data, key, state: topics.length > 0 ? LoadingState.Streaming : LoadingState.Done });
        } catch (error) {
          subscriber.next({
            data: [],
            key,
            state: LoadingState.Error,
            errors: [{ refId: key, message: messageOf(error) }],
          });
        }
        asking = false;
        if (topics.length === 0) subscriber.complete();
        else if (isStale) again();
      };
      const again = () => {
        isStale = true;
        if (asking || timer !== undefined) return;
        timer = setTimeout(() => {
          timer = undefined;
          void answer();
        }, GATHER_MS);
      };
      void answer();
      let leave: (() => void) | undefined;
      if (topics.length > 0) {
        void import(/* webpackChunkName: "live" */ '../live/hubOf').then(({ hubOf }) => {
          if (!subscriber.closed) leave = hubOf(this.api).subscribe(topics, again);
        });
      }
      return () => {
        leave?.();
        clearTimeout(timer);
      };
    });
  }

  override testDatasource(): Promise<TestDataSourceResponse> {
    return checkConnection(this.api);
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ApiFailure && error.requestId !== undefined)
    return `${error.message} (request ${error.requestId})`;
  return error instanceof Error ? error.message : String(error);
}
