import amdModule from 'amd-module';

declare let __webpack_public_path__: string;

/**
 * Where the chunks are: beside the app's own module. Grafana serves a nested plugin's folder under that plugin's own id, where
 * there are none, also behind a sub-path or a CDN; so the address of the module that is being loaded says where the app's is.
 * Each module imports this first.
 */
const NESTED = /\/plugins\/fleetlens-(fleet-datasource|rundetail-panel|sprintchain-panel)\/.*$/;
const OWN = /(\/plugins\/fleetlens-fleet-app\/).*$/;

const uri = amdModule?.uri ?? '';
if (OWN.test(uri)) __webpack_public_path__ = uri.replace(OWN, '$1');
else if (NESTED.test(uri)) __webpack_public_path__ = uri.replace(NESTED, '/plugins/fleetlens-fleet-app/');
