/**
 * `npm run plugin:host`: the built plugin in the host page, before an exporter with the demo fleet, until Ctrl-C. To see a change,
 * build the plugin again (`npm run dev -w plugin` does at each) and reload.
 */
import { setStage } from './stage.ts';

const stage = await setStage({ lanes: ['13'], days: 3 });
console.log(`${stage.hosts.get('13')?.url}/a/fleetlens-fleet-app/fleet   (?theme=light, ?role=Viewer|Editor|Admin)`);
console.log(`exporter: ${stage.exporter.url}`);
process.once('SIGINT', () => void stage.stop());
process.once('SIGTERM', () => void stage.stop());
