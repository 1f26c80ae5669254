/** Who reads, in order of rank: each may what those before it may. */
export const READING_ROLES = ['viewer', 'operator', 'builder', 'admin'] as const;
export type ReadingRole = (typeof READING_ROLES)[number];

/** `ingest` stands apart: it can push events and nothing else. */
export const ROLES = ['ingest', ...READING_ROLES] as const;
export type Role = (typeof ROLES)[number];

/** @returns the reading roles that may do what `least` may. */
export function rolesFrom(least: ReadingRole): readonly ReadingRole[] {
  return READING_ROLES.slice(READING_ROLES.indexOf(least));
}
