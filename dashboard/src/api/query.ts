/** Reads of the page: cached, told again when news come, and never shown as current when they could not be read. */
import { keepPreviousData, QueryClient, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useMemo } from "preact/hooks";
import { problem } from "./errors";

export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && problem(error).isTransient,
      refetchOnWindowFocus: true,
    },
  },
});

/** One read. `key` names it: reads of the same key are one, and `refresh("devices")` reads again all whose key begins so. */
export function useRead<T>(key: readonly unknown[], read: (signal: AbortSignal) => Promise<T>, options: { enabled?: boolean; everyMs?: number } = {}) {
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => read(signal),
    enabled: options.enabled ?? true,
    refetchInterval: options.everyMs ?? false,
  });
}

/**
 * A list in pages; `more()` reads the next one. With `keepsPrevious`, the rows of another key stay in sight until those of this one
 * are there; `isPrevious` says so meanwhile.
 */
export function usePages<T>(
  key: readonly unknown[],
  read: (pageToken: string, signal: AbortSignal) => Promise<{ rows: T[]; nextPageToken: string }>,
  options: { enabled?: boolean; everyMs?: number; keepsPrevious?: boolean } = {},
) {
  const pages = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: "",
    getNextPageParam: (last: { nextPageToken: string }) => last.nextPageToken || undefined,
    enabled: options.enabled ?? true,
    refetchInterval: options.everyMs ?? false,
    placeholderData: options.keepsPrevious ? keepPreviousData : undefined,
    // Comparing thousands of rows field by field takes longer than to draw those that are in sight.
    structuralSharing: false,
  });
  // The same array until something is read, so that whoever works on all rows does it once.
  const rows = useMemo(() => pages.data?.pages.flatMap((page) => page.rows) ?? [], [pages.data]);
  return {
    rows,
    isPending: pages.isPending,
    error: pages.error,
    hasMore: pages.hasNextPage,
    isReadingMore: pages.isFetchingNextPage,
    isPrevious: pages.isPlaceholderData,
    more: () => void pages.fetchNextPage(),
    again: () => void pages.refetch(),
  };
}

/** A change. Afterwards everything that `changes` names is read again. */
export function useChange<A, T>(change: (argument: A) => Promise<T>, changes: string[], done?: (answer: T) => void) {
  return useMutation({
    mutationFn: change,
    onSuccess: (answer) => {
      for (const name of changes) refresh(name);
      done?.(answer);
    },
  });
}

/** Reads again all whose key begins with `name`; empty: all. */
export function refresh(name: string): void {
  void cache.invalidateQueries({ queryKey: name === "" ? [] : [name] });
}
