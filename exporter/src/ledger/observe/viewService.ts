import { label, type RecordView, type View } from './recordView.ts';

/** The latest answer of a service's health endpoint. Without a word about `up` the gauge is absent. */
export const viewService: View<'service'> = (service, _context): RecordView => ({
  facts: [],
  parts:
    service.up === undefined
      ? []
      : [
          {
            family: 'fleet_service_up',
            labels: [service.source, label(service.service)],
            value: service.up ? 1 : 0,
          },
        ],
});
