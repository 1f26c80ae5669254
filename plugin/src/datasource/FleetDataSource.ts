import {
  type DataQueryRequest,
  type DataQueryResponse,
  DataSourceApi,
  type DataSourceInstanceSettings,
  FieldType,
  toDataFrame,
} from '@grafana/data';
import { FleetApi } from '../api/FleetApi';
import type { FleetQuery, FleetSourceOptions } from './types';

export class FleetDataSource extends DataSourceApi<FleetQuery, FleetSourceOptions> {
  readonly api: FleetApi;

  constructor(settings: DataSourceInstanceSettings<FleetSourceOptions>) {
    super(settings);
    this.api = new FleetApi(settings.url ?? '');
  }

  override async query(request: DataQueryRequest<FleetQuery>): Promise<DataQueryResponse> {
    const page = await this.api.runs({ limit: 50 });
    const fields = [{ name: 'Run', type: FieldType.string, values: page.data.map(({ runId }) => runId) }];
    return { data: request.targets.map(({ refId }) => toDataFrame({ refId, fields })) };
  }

  override async testDatasource() {
    await this.api.runs({ limit: 1 });
    return { status: 'success', message: 'The exporter answers' };
  }
}
