import { usePluginUserStorage } from '@grafana/runtime';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

/** A list of runs that somebody comes back to. */
interface SavedView {
  readonly name: string;
  /** The filters and the sort as the URL spells them. */
  readonly search: string;
}

const STORED_AS = 'runs.views';
const QUERY_KEY = ['saved-views'];

/** The reader's own views, in Grafana's storage for users (the browser's, where nobody is signed in). */
export function useSavedViews() {
  const storage = usePluginUserStorage();
  const client = useQueryClient();
  const query = useQuery({
    queryKey: QUERY_KEY,
    queryFn: async () => parse(await storage.getItem(STORED_AS)),
    staleTime: 60_000,
  });
  const change = useMutation({
    mutationFn: async (edit: (views: readonly SavedView[]) => readonly SavedView[]) => {
      // As it is stored now: another tab may have changed it.
      const views = edit(parse(await storage.getItem(STORED_AS)));
      await storage.setItem(STORED_AS, JSON.stringify(views));
      return views;
    },
    onSuccess: (views) => client.setQueryData(QUERY_KEY, views),
  });
  return {
    views: query.data ?? [],
    error: query.error ?? change.error,
    save: (view: SavedView) => change.mutate((views) => [...views.filter(({ name }) => name !== view.name), view]),
    remove: (name: string) => change.mutate((views) => views.filter((view) => view.name !== name)),
  };
}

function parse(stored: string | null): readonly SavedView[] {
  if (stored === null) return [];
  try {
    const views: unknown = JSON.parse(stored);
    return Array.isArray(views) ? views.filter(isView) : [];
  } catch {
    return [];
  }
}

function isView(view: unknown): view is SavedView {
  return (
    typeof view === 'object' &&
    view !== null &&
    'name' in view &&
    typeof view.name === 'string' &&
    'search' in view &&
    typeof view.search === 'string'
  );
}
