import packageJson from '../package.json' with { type: 'json' };

/** What this build is. `revision` is the commit, where the build says it (FLEETLENS_REVISION). */
export const BUILD = {
  version: packageJson.version,
  revision: process.env.FLEETLENS_REVISION ?? 'unknown',
} as const;
