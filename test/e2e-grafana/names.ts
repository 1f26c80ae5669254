import { fileURLToPath } from 'node:url';

export const APP_ID = 'fleetlens-fleet-app';
export const SOURCE = { type: 'fleetlens-fleet-datasource', uid: 'fleetlens-e2e' } as const;
export const SOURCE_NAME = 'Fleetlens end to end';
/** Of role viewer: it reads for people whom Grafana vouches for. */
export const READ_TOKEN = 'of-the-data-source';
export const REPORT = fileURLToPath(new URL('report', import.meta.url));
/** The cookies of who is signed in. */
export const SIGNED_IN = `${REPORT}/signed-in.json`;

/** A platform may name a run as it likes. */
export const EXOTIC_IDS = ['with space', 'a/b/../c', '100%2F%', 'x#y?z=1&w+v', 'größe-☃-日本', `"quote'<b>`] as const;
export const EXOTIC_PROJECT = 'acme/exotic';
export const VIEWPORT = { width: 1500, height: 950 };
