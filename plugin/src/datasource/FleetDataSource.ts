import {
  type AnnotationQuery,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  DataSourceApi,
  type DataSourceInstanceSettings,
  LoadingState,
  type ScopedVars,
  type TestDataSourceResponse,
} from '@grafana/data';
import { getTemplateSrv } from '@grafana/runtime';
import { defer, merge, Observable, retry, type Subscription, throwError, timer } from 'rxjs';
import { ApiFailure } from '../api/ApiFailure';
import { retryDelayMs } from '../api/askAgain';
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
    const state = topics.length > 0 ? LoadingState.Streaming : LoadingState.Done;
    return new Observable((subscriber) => {
      let shown: DataFrame[] = [];
      let gathering: ReturnType<typeof setTimeout> | undefined;
      let asking: Subscription | undefined;
      let isStale = false;
      const again = () => {
        isStale = true;
        if (asking !== undefined || gathering !== undefined) return;
        gathering = setTimeout(() => {
          gathering = undefined;
          answer();
        }, GATHER_MS);
      };
      const end = () => {
        asking = undefined;
        if (topics.length === 0) subscriber.complete();
        else if (isStale) again();
      };
      const answer = () => {
        isStale = false;
        asking = defer(() => answerQuery(this.api, query, range))
          .pipe(retry({ delay: waitForRetry }))
          .subscribe({
            next: (data) => {
              shown = data;
              subscriber.next({ data, key, state });
            },
            error: (error: unknown) => {
              const errors = [{ refId: key, message: messageOf(error) }];
              subscriber.next({ data: shown, key, state: LoadingState.Error, errors });
              end();
            },
            complete: end,
          });
      };
      answer();
      let leave: (() => void) | undefined;
      if (topics.length > 0) {
        void import(/* webpackChunkName: "live" */ '../live/hubOf').then(({ hubOf }) => {
          if (!subscriber.closed) leave = hubOf(this.api).subscribe(topics, again);
        });
      }
      return () => {
        leave?.();
        asking?.unsubscribe();
        clearTimeout(gathering);
      };
    });
  }

  override testDatasource(): Promise<TestDataSourceResponse> {
    return checkConnection(this.api);
  }
}

/** @param count of the failures, from 1 */
function waitForRetry(error: unknown, count: number): Observable<unknown> {
  const delayMs = retryDelayMs(count - 1, error);
  return delayMs === undefined ? throwError(() => error) : timer(delayMs);
}

function messageOf(error: unknown): string {
  if (error instanceof ApiFailure && error.requestId !== undefined)
    return `${error.message} (request ${error.requestId})`;
  return error instanceof Error ? error.message : String(error);
}
