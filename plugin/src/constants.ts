export const APP_ID = 'fleetlens-fleet-app';
export const DATA_SOURCE_ID = 'fleetlens-fleet-datasource';
/** Where the app's pages are, below Grafana's own sub-path. */
export const APP_PATH = `/a/${APP_ID}`;
