import type { ResourceLoader, Resources } from '@grafana/i18n';

/** Languages besides the default one, whose strings stand in the code. */
const LOCALES: Readonly<Record<string, () => Promise<{ default: Resources }>>> = {};

export const loadResources: ResourceLoader = async (language) => (await LOCALES[language]?.())?.default ?? {};
